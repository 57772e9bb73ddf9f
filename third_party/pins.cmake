# The one list of third-party versions: CMake includes this file, get_sources.sh reads its lines with sed.
#
# One dependency per line, so that the shell can read it too:
#   inkling_pin(name  repository on github.com  full commit id  Debian source package  version there  SHA-256 of the .orig.tar)
# The commit and the Debian tarball of a line hold the same sources: change all fields together.
# "-" instead of a Debian source package: only the installed Debian package or the upstream commit is used.
# What each is for, and its licence: README.md in this folder.

inkling_pin(xnnpack      google/XNNPACK          4ea82e595b36106653175dcb04b2aa532660d0d8 xnnpack     0.0~git20241108.4ea82e5-2 90bde2caef0f880f627bab0dc805a86c4b8070cd98e3243db3046ab3f3be1a99)
inkling_pin(pthreadpool  Maratyszcza/pthreadpool 560c60d342a76076f0557a3946924c6478470044 pthreadpool 0.0~git20240616.560c60d-1 4cc3cbd933b28131d2a34edc54f76af9fb41bc490af5eae1a5bd3cd07ea90708)
inkling_pin(cpuinfo      pytorch/cpuinfo         877328f188a3c7d1fa855871a278eb48d530c4c0 cpuinfo     0.0~git20250905.877328f-1 557ca404a3836b9f335a3a06b65ff9fe9dbaaefab7fb5c0185f53d9f33615a10)
inkling_pin(fp16         Maratyszcza/FP16        4dfe081cf6bcd15db339cf2680b9281b8451eeb3 fp16        0.0~git20200514.4dfe081-5 7d7782b37b74136e0e12593a2a93ccbe7db831f4374cc408e44623d9b708b54e)
inkling_pin(fxdiv        Maratyszcza/FXdiv       b408327ac2a15ec3e43352421954f5b1967701d1 fxdiv       0.0~git20200417.b408327-4 7953482badaf4cb34026c3487c257b8e4ab2df061c019bd6fabbbc12ad52c44b)
inkling_pin(highway      google/highway          ac0d5d297b13ab1b89f48484fc7911082d76a93f highway     1.3.0-5.1                 07b3c1ba2c1096878a85a31a5b9b3757427af963b1141ca904db2f9f4afe0bc2)
inkling_pin(abseil       abseil/abseil-cpp       5650e9cf76d3be4318d5fa3af38ee483ddfd5e4a abseil      20260526.0-2              6e1aee535473414164bf83e4ebc40240dec71a4701f8a642d906e95bea1aea0c)
inkling_pin(flatbuffers  google/flatbuffers      0100f6a5779831fa7a651e4b67ef389a8752bd9b flatbuffers 23.5.26+dfsg-4            0d309fd2c47bbbebd450e68d1419c336d53d1b8f5ce47e1f1f7f28f452fc6f3b)
inkling_pin(xxhash       Cyan4973/xxHash          e626a72bc2321cd320e953a0ccf1584cad60f363 -           0.8.3                     -)
inkling_pin(googletest   google/googletest       f8d7d77c06936315286eb55f8de22cd23c188571 -           1.14.0                    -)
inkling_pin(benchmark    google/benchmark        344117638c8ff7e239044fd0fa7085839fc03021 -           1.8.3                     -)
inkling_pin(nlohmann_json nlohmann/json          9cca280a4d0ccf0c08f47a99aa71d1b0e52f8d03 -           3.11.3                    -)
inkling_pin(cli11        CLIUtils/CLI11          291c58789c031208f08f4f261a858b5b7083e8e2 -           2.3.2                     -)
