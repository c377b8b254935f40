import {Puras} from "./index.js";
/** A file of this machine as an input of media.run . */
export function file(path: string | URL): Promise<Blob>;
/** Writes a file of the drive to a path; returns the number of bytes. */
export function save(puras: Puras, drivePath: string, path: string): Promise<number>;
