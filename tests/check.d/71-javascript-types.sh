#!/usr/bin/env bash
# The JavaScript client's types under the TypeScript compiler (from the npm packages, in a folder of its own), used as a program would.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=build-fuzz/typescript
mkdir -p $dir
command -v npm > /dev/null || apt-get install -y -qq npm > /dev/null 2>&1
[ -x $dir/node_modules/.bin/tsc ] || (cd $dir && npm install --silent --no-fund --no-audit typescript@5 @types/node@20 > install.log 2>&1)
mkdir -p $dir/node_modules/puras && cp js/*.js js/*.d.ts js/package.json $dir/node_modules/puras/
cat > $dir/use.mts <<'TS'
import {Puras, PurasError, type Result} from "puras";
import {file, save} from "puras/node";
const puras = new Puras({apiKey: "puras_test_x"});
const img: Result = await puras.media.run("openai/gpt-image-2", {prompt: "a"}, {outputPath: "a.png", onProgress: (p) => p.percent?.toFixed(0)});
const g = await puras.media.submit("a/b", {image: await file("x.png")}, {maxUsd: 1, waitS: 5});
const text: string | undefined = (await g.wait()).text;
await puras.media.generateVideo("x", {image: img, duration: 4, audio: true});
await save(puras, img.drive_path, "x.png");
try { await puras.drive.url("a"); } catch (e) { if (e instanceof PurasError && e.canRetry) console.log(e.code, text); }
// @ts-expect-error a kind that does not exist
await puras.media.run("a/b", {}, {kind: "picture"});
TS
(cd $dir && node_modules/.bin/tsc --noEmit --strict --target es2022 --module nodenext --moduleResolution nodenext use.mts)
echo "ok javascript types"
