# SPDX-License-Identifier: Apache-2.0
"""As much of libleet's C API (leet/leet.h, leet/plugin.h) as compare.py needs, by ctypes.

Arrays are passed where they are, with their strides: nothing is copied.
"""

import ctypes
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int32, c_int64, c_uint32, c_uint64
from ctypes import c_uint8, c_uint16, c_void_p, sizeof

CPU = 1
FLOAT = 2
DECAY = {"none": 0, "head": 1, "step": 2}
Q, K, V, LOG_DECAY, STATE_IN, OUT, STATE_OUT, SEQUENCE_OFFSETS, ROLES = range(9)


class Error(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("code", c_int32), ("domain", c_int32),
                ("native_code", c_int32), ("where", c_char * 64), ("message", c_char * 432)]


class Dtype(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class TensorSpec(ctypes.Structure):
    _fields_ = [("dtype", Dtype), ("rank", c_int32), ("alignment", c_uint32),
                ("reserved", c_uint32), ("extent", c_int64 * 5), ("stride", c_int64 * 5)]


class Tensor(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("spec", TensorSpec)]


class Problem(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("must_understand", c_uint32), ("may_ignore", c_uint32),
                ("dynamic_axes", c_uint32), ("decay_kind", c_int32), ("lowest_precision", c_int32),
                ("deterministic", c_int32), ("role_count", c_uint32), ("scale", c_double),
                ("specs", POINTER(POINTER(TensorSpec)))]


class Device(ctypes.Structure):
    _fields_ = [("type", c_int32), ("index", c_int32)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("threads", c_int32), ("configuration", c_char_p),
                ("plugin_paths", POINTER(c_char_p)), ("plugin_path_count", c_uint32),
                ("only_plugin_paths", c_uint32), ("log_level", c_char_p)]


class MethodInfo(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_uint32), ("id", c_char_p),
                ("version", c_char_p), ("summary", c_char_p), ("reference", c_char_p),
                ("path", c_char_p), ("identity", c_void_p), ("options", c_void_p)]


class PlanInfo(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("properties", c_uint32), ("precision_used", c_int32),
                ("reserved", c_int32), ("workspace_bytes", c_uint64),
                ("workspace_alignment", c_uint64)]


class LeetError(Exception):
    pass


def tensor_of(array):
    """An f32 numpy array of rank 4 as the ABI sees it."""
    tensor = Tensor(data=array.ctypes.data)
    tensor.spec.dtype = Dtype(FLOAT, 32, 1)
    tensor.spec.rank = array.ndim
    for axis in range(array.ndim):
        tensor.spec.extent[axis] = array.shape[axis]
        tensor.spec.stride[axis] = array.strides[axis] // array.itemsize
    return tensor


class Library:
    """libleet with one context."""

    def __init__(self, path, threads):
        self._api = ctypes.CDLL(str(path))
        self._api.leet_method_count.argtypes = [c_void_p]
        self._api.leet_method_count.restype = c_uint32
        self._api.leet_plan_create.argtypes = [c_void_p, c_char_p, POINTER(Problem), Device,
                                               c_char_p, POINTER(c_void_p), POINTER(Error)]
        self._api.leet_plan_execute.argtypes = [c_void_p, c_void_p, c_uint32, c_void_p, c_void_p,
                                                c_uint64, POINTER(Error)]
        options = ContextOptions(struct_size=sizeof(ContextOptions), threads=threads)
        self._context = c_void_p()
        self.call("leet_context_create", byref(options), byref(self._context))

    def call(self, name, *arguments):
        error = Error(struct_size=sizeof(Error))
        if getattr(self._api, name)(*arguments, byref(error)) != 0:
            raise LeetError(error.message.decode())

    def methods(self):
        """Every method's id."""
        ids = []
        for index in range(self._api.leet_method_count(self._context)):
            info = MethodInfo(struct_size=sizeof(MethodInfo))
            self.call("leet_method_get", self._context, c_uint32(index), byref(info))
            ids.append(info.id.decode())
        return ids

    def plan(self, method, arrays, decay):
        """A plan for arrays by role, of which OUT is written."""
        return Plan(self, self._context, method, arrays, decay)


class Plan:
    def __init__(self, library, context, method, arrays, decay):
        self._library = library
        self._arrays = arrays  # kept alive
        tensors = {role: tensor_of(array) for role, array in arrays.items()}
        specs = (POINTER(TensorSpec) * ROLES)()
        self._tensors = (POINTER(Tensor) * ROLES)()
        for role, tensor in tensors.items():
            specs[role] = ctypes.pointer(tensor.spec)
            self._tensors[role] = ctypes.pointer(tensor)
        problem = Problem(struct_size=sizeof(Problem), decay_kind=DECAY[decay], role_count=ROLES,
                          scale=1.0, specs=specs)
        self._plan = c_void_p()
        library.call("leet_plan_create", context, method.encode(), byref(problem), Device(CPU, 0),
                     None, byref(self._plan))
        chosen = MethodInfo(struct_size=sizeof(MethodInfo))
        library.call("leet_plan_get_method", self._plan, byref(chosen))
        self.method = chosen.id.decode()
        info = PlanInfo(struct_size=sizeof(PlanInfo))
        library.call("leet_plan_get_info", self._plan, byref(info))
        self._size = info.workspace_bytes
        alignment = max(1, info.workspace_alignment)
        self._memory = ctypes.create_string_buffer(self._size + alignment)
        begin = ctypes.addressof(self._memory)
        self._workspace = (begin + alignment - 1) // alignment * alignment

    def execute(self):
        self._library.call("leet_plan_execute", self._plan, self._tensors, c_uint32(ROLES), None,
                           c_void_p(self._workspace), c_uint64(self._size))
