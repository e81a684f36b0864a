"""What vector-io's own import class reads of a folder: vdf_import.py FOLDER. Prints JSON: {index: {namespace: {metric, dimensions, rows: {id: [vector, metadata]}}}}."""
import contextlib
import io
import json
import sys

from vdf_io.import_vdf.vdf_import_cls import ImportVDB
from vdf_io.meta_types import VDFMeta
from vdf_io.names import DBNames


class Import(ImportVDB):
    DB_NAME_SLUG = DBNames.QDRANT

    @classmethod
    def make_parser(cls, subparsers):
        pass

    @classmethod
    def import_vdb(cls, args):
        pass

    def upsert_data(self):
        told = {}
        for index, spaces in self.vdf_meta["indexes"].items():
            for space in spaces:
                self.set_dims(space, index)
                folder = self.get_final_data_path(space["data_path"])
                names, name = self.get_vector_column_name(index, space)
                vectors, metadata = {}, {}
                for file in self.get_parquet_files(folder):
                    frame = self.read_parquet_progress(self.get_file_path(folder, file))
                    self.update_vectors(vectors, name, frame)
                    self.update_metadata(metadata, names, frame)
                told.setdefault(index, {})[space["namespace"]] = {"metric": space["metric"], "dimensions": space["dimensions"],
                                                                  "rows": {key: [vectors[key], metadata[key]] for key in vectors}}
        return told


with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    importer = Import({"dir": sys.argv[1], "cwd": "/", "library_version": "0.1.248"})
    VDFMeta.model_validate(importer.vdf_meta)
    result = importer.upsert_data()
print("\n" + json.dumps(result, default=lambda value: value.tolist()))
