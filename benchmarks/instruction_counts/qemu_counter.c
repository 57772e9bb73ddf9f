/* A plugin of qemu-user that counts the instructions of each function between marks.
 *
 * count_arm.py compiles it and runs counted_passes under it. A mark is the system call write(-1, 0,
 * n), which fails and does nothing else: n = 0 forgets what was counted, any other n prints "mark
 * n" and a line "COUNT FUNCTION" for each function, "?" where qemu knows no name (the C library).
 * Arguments: out=FILE.
 *
 * qemu's header qemu-plugin.h is in no package of its own, so what is used of it is declared here:
 * version 1 of the interface, which Debian 12's qemu 7.2 speaks. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t qemu_info_t;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t,
                                           void (*)(qemu_plugin_id_t, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb*, int op, void* number,
                                              uint64_t addend);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t,
                                          void (*)(qemu_plugin_id_t, unsigned vcpu, int64_t number,
                                                   uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                                   uint64_t, uint64_t, uint64_t));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t index);
const char* qemu_plugin_insn_symbol(const struct qemu_plugin_insn*);

int qemu_plugin_version = 1;

enum { kAddU64 = 0, kWriteOnArm64 = 64, kMaxFunctions = 1 << 16 };

static struct {
  char* name;
  uint64_t count;
} functions[kMaxFunctions];
static FILE* out;

/* The counter of a function, by its name; the last place is for what doesn't fit. */
static uint64_t* counter_of(const char* name) {
  uint32_t place = 2166136261u;
  for (const char* c = name; *c != 0; ++c) place = (place ^ (uint8_t)*c) * 16777619u;
  for (uint32_t tried = 0; tried < kMaxFunctions - 1; ++tried) {
    place = (place + 1) % (kMaxFunctions - 1);
    if (functions[place].name == NULL) functions[place].name = strdup(name);
    if (strcmp(functions[place].name, name) == 0) return &functions[place].count;
  }
  return &functions[kMaxFunctions - 1].count;
}

/* Before a block of instructions without a branch inside is run for the first time. */
static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  const char* name = qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(block, 0));
  uint64_t* counter = counter_of(name == NULL || *name == 0 ? "?" : name);
  qemu_plugin_register_vcpu_tb_exec_inline(block, kAddU64, counter, qemu_plugin_tb_n_insns(block));
}

static void system_call(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1,
                        uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                        uint64_t a7, uint64_t a8) {
  (void)id, (void)vcpu, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
  if (number != kWriteOnArm64 || (int32_t)a1 != -1 || a2 != 0) return;
  if (a3 != 0) fprintf(out, "mark %" PRIu64 "\n", a3);
  for (size_t i = 0; i < kMaxFunctions; ++i) {
    if (a3 != 0 && functions[i].count != 0) {
      fprintf(out, "%" PRIu64 " %s\n", functions[i].count,
              functions[i].name == NULL ? "?" : functions[i].name);
    }
    functions[i].count = 0;
  }
  fflush(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv) {
  (void)info;
  out = argc == 1 && strncmp(argv[0], "out=", 4) == 0 ? fopen(argv[0] + 4, "w") : NULL;
  if (out == NULL) {
    fprintf(stderr, "qemu_counter: expected out=FILE, a file that can be written\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_vcpu_syscall_cb(id, system_call);
  return 0;
}
