// SPDX-License-Identifier: Apache-2.0
// Verify a bundle with Sigstore's own JavaScript, offline:
//     node verify.mjs NODE_MODULES TRUSTED_ROOT BUNDLE ARTIFACT IDENTITY ISSUER
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [modules, root, bundle, artifact, identity, issuer] = process.argv.slice(2);
const need = createRequire(`${modules}/x.js`);
const { TrustedRoot } = need('@sigstore/protobuf-specs');
const { bundleFromJSON } = need('@sigstore/bundle');
const { Verifier, toSignedEntity, toTrustMaterial } = need('@sigstore/verify');

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(read(root))), { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 });
const entity = toSignedEntity(bundleFromJSON(read(bundle)), readFileSync(artifact));
verifier.verify(entity, { subjectAlternativeName: identity, extensions: { issuer } });
console.log('Verified OK');
