// SPDX-License-Identifier: Apache-2.0
//
// Stands for a CUDA plugin: calls the CUDA runtime that it was linked to.
extern "C" int cudaGetDeviceCount(int* count);
extern "C" int cudaMalloc(void** pointer, unsigned long bytes);

extern "C" int device_count() {
  int count = 0;
  cudaGetDeviceCount(&count);
  return count;
}
extern "C" int malloc_result() {
  void* pointer = nullptr;
  return cudaMalloc(&pointer, 16);
}
