"""A VDF folder made by vector-io's own export class: vdf_export.py PARENT. Prints the folder's name. Needs the environment vdf_io."""
import contextlib
import io
import json
import os
import sys

from qdrant_client.models import Distance
from vdf_io.export_vdf.vdb_export_cls import ExportVDB
from vdf_io.names import DBNames


class Export(ExportVDB):
    DB_NAME_SLUG = DBNames.QDRANT

    def get_index_names(self):
        return ["idx"]

    get_all_index_names = get_index_names

    @classmethod
    def make_parser(cls, subparsers):
        pass

    @classmethod
    def export_vdb(cls, args):
        pass

    def get_data(self):
        folder = self.create_vec_dir("idx")
        rows = {"1": {"txt": "x", "n": {"k": [1]}, "vector": "clash", "tags": ["p"], "i": 3}, "b": {"j": "s"}}
        written = self.save_vectors_to_parquet({"1": [1.0, 2.0], "b": [3.0, 4.0]}, rows, folder)
        written += self.save_vectors_to_parquet({"c": [5.0, 6.0]}, {"c": {"extra": 1.5}}, folder)
        meta = self.get_namespace_meta("idx", folder, 3, written, 2, index_config={"params": {}}, distance=Distance.EUCLID)
        self.file_structure.append(os.path.join(self.vdf_directory, "VDF_META.json"))
        with open(os.path.join(self.vdf_directory, "VDF_META.json"), "w", encoding="utf-8") as file:
            json.dump(self.get_basic_vdf_meta({"idx": [meta]}).model_dump(), file, indent=4)


os.chdir(sys.argv[1])
with contextlib.redirect_stdout(io.StringIO()):
    export = Export({"library_version": "0.1.248", "model_name": "m"})
    export.get_data()
print(export.vdf_directory)
