/* SPDX-License-Identifier: Apache-2.0
 *
 * A library that no dynamic linker will find, for needs_library.c. */
int hostile_absent(void);
int hostile_absent(void) { return 1; }
