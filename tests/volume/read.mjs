// read.mjs - all arrays of OME-Zarr trees as zarrita.js reads them: node read.mjs TREE...
//
// Beside each tree TREE.read/LEVEL.bin, C order, little endian; on stdout a line of JSON a tree: what the group says,
// and path, type and shape of each array. VOLUME_PACKAGES is where tests/volume/run has installed zarrita.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const home = path.join(process.env.VOLUME_PACKAGES, "node_modules/zarrita/dist/src/index.js");
const zarr = await import(pathToFileURL(home));

// A store is what answers a key with bytes, or with nothing.
class Folder {
    constructor(root) {
        this.root = root;
    }
    async get(key) {
        const file = path.join(this.root, key);
        return fs.existsSync(file) ? new Uint8Array(fs.readFileSync(file)) : undefined;
    }
    async getRange(key, range) {
        const all = await this.get(key);
        if (all === undefined)
            return undefined;
        return "suffixLength" in range ? all.slice(all.length - range.suffixLength)
                                       : all.slice(range.offset, range.offset + range.length);
    }
}

for (const tree of process.argv.slice(2)) {
    const store = new Folder(tree);
    const group = await zarr.open(store, { kind: "group" });
    const multiscales = (group.attrs.ome ?? group.attrs).multiscales;
    const arrays = [];
    fs.mkdirSync(tree + ".read", { recursive: true });
    for (const dataset of multiscales[0].datasets) {
        const array = await zarr.open(group.resolve(dataset.path), { kind: "array" });
        const { data } = await zarr.get(array, null);
        fs.writeFileSync(path.join(tree + ".read", dataset.path + ".bin"),
                         Buffer.from(data.buffer, data.byteOffset, data.byteLength));
        arrays.push({ path: dataset.path, type: array.dtype, shape: array.shape, names: array.dimensionNames ?? null });
    }
    console.log(JSON.stringify({ tree, attributes: group.attrs, arrays }));
}
