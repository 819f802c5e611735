// Writes editor.js and editor.licenses.txt into web/static/built: what the desk's page for writing loads if it is there.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../web/static/built");
mkdirSync(out, { recursive: true });

const { metafile } = await build({
  absWorkingDir: here, entryPoints: ["editor.js"], bundle: true, minify: true, format: "iife", target: "es2022",
  legalComments: "none", metafile: true, outfile: join(out, "editor.js"),
});

// Each package whose code is in the script, with its license as the package has it.
const used = new Set(Object.keys(metafile.inputs).flatMap((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
const texts = [...used].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (about.license !== "MIT") throw new Error(`${name} has the license ${about.license}`);
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  return `${name} ${about.version}, ${about.license}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
});
writeFileSync(join(out, "editor.licenses.txt"), texts.join("\n----\n\n"));
console.log(`editor.js from ${used.size} packages`);
