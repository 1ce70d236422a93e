// SPDX-License-Identifier: Apache-2.0
//
// Stands for NVIDIA's libcudart: the same C names, recognisable answers.
extern "C" int cudaGetDeviceCount(int* count) {
  *count = 4242;
  return 0;
}
extern "C" int cudaMalloc(void** pointer, unsigned long) {
  *pointer = nullptr;
  return 4243;
}
