/** What only Node can: files of this machine as inputs. */
import * as fs from "node:fs";
import {readFile, writeFile} from "node:fs/promises";
import {basename} from "node:path";

/** A file input for media.run; from Node 20 on it is read when it is sent and not kept in memory. */
export async function file(path) {
  const blob = fs.openAsBlob ? await fs.openAsBlob(path) : new Blob([await readFile(path)]);
  Object.defineProperty(blob, "name", {value: basename(String(path))});
  return blob;
}

/** Writes a file of the drive to a path; returns the number of bytes. */
export async function save(puras, drivePath, path) {
  const blob = await puras.drive.download(drivePath);
  await writeFile(path, Buffer.from(await blob.arrayBuffer()));
  return blob.size;
}
