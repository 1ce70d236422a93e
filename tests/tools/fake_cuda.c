/* SPDX-License-Identifier: Apache-2.0
 *
 * A libcuda.so.1 with two devices that fails as FAKE_CUDA says, for `leet doctor`. */
#include <stdlib.h>
#include <string.h>

static const char* fault(void) {
  const char* value = getenv("FAKE_CUDA");
  return value == NULL ? "" : value;
}

int cuInit(unsigned flags) {
  (void)flags;
  if (strcmp(fault(), "crash") == 0) abort();
  if (strcmp(fault(), "no-device") == 0) return 100;
  return strcmp(fault(), "mismatch") == 0 ? 803 : 0;
}

int cuDriverGetVersion(int* version) {
  *version = 13010;
  return 0;
}

int cuGetErrorString(int error, const char** text) {
  *text = error == 803 ? "system has unsupported display driver" : "another error";
  return 0;
}

int cuDeviceGetCount(int* count) {
  *count = 2;
  return 0;
}

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return 0;
}

int cuDeviceGetName(char* name, int length, int device) {
  strncpy(name, device == 0 ? "Fake H100" : "Fake T4", (size_t)length);
  return 0;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 75 ? (device == 0 ? 9 : 7) : (device == 0 ? 0 : 5);
  return 0;
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  *bytes = (size_t)(device == 0 ? 80 : 16) << 30;
  return 0;
}
