"""Zips each `bootstrap` the way Lambda wants it: package.py OUTPUT=BINARY …

The archive of a binary is always the same: no time stamps, so that an unchanged function is not deployed again.
"""

import sys
import zipfile

for argument in sys.argv[1:]:
    output, binary = argument.split("=", 1)
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with open(binary, "rb") as source, zipfile.ZipFile(output, "w") as archive:
        archive.writestr(entry, source.read())
