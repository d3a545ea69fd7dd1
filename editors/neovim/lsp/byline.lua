-- SPDX-License-Identifier: Apache-2.0
-- Neovim 0.11 or later. Put the folder above this one on the runtime path and enable the server:
--
--   vim.opt.runtimepath:append('/where/you/cloned/byline/editors/neovim')
--   vim.lsp.enable('byline')
--
-- Without `filetypes` the server is started for every kind of file.
return {
  cmd = { 'byline', 'lsp' },
  root_markers = { '.git' },
}
