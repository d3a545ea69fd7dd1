;;; byline.el --- Who wrote each line, in Emacs  -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Eglot (in Emacs 29 and later) runs one server for a buffer, so this names Byline for text that has no other server; for code,
;; add the modes in which you would rather see who wrote it than what it means.  lsp-mode runs several servers at once.

;;; Code:

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(text-mode . ("byline" "lsp"))))

(with-eval-after-load 'lsp-mode
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection '("byline" "lsp"))
                    :activation-fn (lambda (&rest _) t)
                    :add-on? t
                    :server-id 'byline)))

(provide 'byline)
;;; byline.el ends here
