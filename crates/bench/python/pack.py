# Packs what the environment has beside its own tools.
import os
import sys
import sysconfig
import zipfile

ROOT = sysconfig.get_paths()["purelib"]
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")

with zipfile.ZipFile(f"{sys.argv[1]}.zip", "w", zipfile.ZIP_DEFLATED) as package:
    for folder, _, names in os.walk(ROOT):
        for name in names:
            path = os.path.join(folder, name)
            place = os.path.relpath(path, ROOT)
            if not place.startswith(TOOLS):
                package.write(path, place)
