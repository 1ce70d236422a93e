#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times Leet's methods beside ONNX Runtime's LinearAttention and a plain PyTorch form, on the same
arrays in one run. Each is held against an fp64 recurrence first; what is wrong has no figures.

Contenders take turns, in random order, so that a machine that slows down slows them all. A sample
during which a thread lost its CPU to another program is set aside, unless all of them are; the
others' median is what is compared.
"""

import argparse
import json
import os
import pathlib
import resource
import sys
import time

import numpy as np

import leet_library as leet

GATE = 1e-5  # relative Frobenius error; the fp32 recurrence's own is below 1e-6
PAUSE = 0.01  # seconds between contenders: threads that still spin for more work go to sleep
SHORTEST_SAMPLE = 2e-3  # seconds; fast contenders repeat until it is reached
C = 64  # the chunk length of the PyTorch form, as in flash-linear-attention's naive one


class Operands:
    """Arrays in the layout that ONNX needs, [B, N, H, R], and views of them as [B, H, N, R]."""

    def __init__(self, args):
        B, H, N, R, D = args.B, args.H, args.N, args.R, args.D
        random = np.random.default_rng(args.seed)

        def normal(last):
            values = random.standard_normal((B, N, H, last), dtype=np.float32)
            return values / np.float32(np.sqrt(R))

        self.q, self.k, self.v = normal(R), normal(R), normal(D)
        # RetNet's decays.
        exponents = np.linspace(5, 9, H) if H > 1 else np.array([5.0])
        self.g = np.broadcast_to(np.log1p(-np.exp2(-exponents)), (B, N, H)).astype(np.float32)
        if args.decay == "none":
            self.g[:] = 0
        if args.decay == "step":
            self.g *= random.uniform(0.5, 1.5, self.g.shape).astype(np.float32)
        self.decay = args.decay

    def heads_first(self, name):
        return getattr(self, name).transpose(0, 2, 1, 3)


def reference(operands):
    """fp64, for the first and last head: their indices and out [B, 2, N, D]."""
    heads = sorted({0, operands.q.shape[2] - 1})
    q, k, v = (operands.heads_first(name)[:, heads].astype(np.float64) for name in "qkv")
    gamma = np.exp(operands.g.transpose(0, 2, 1)[:, heads].astype(np.float64))
    state = np.zeros(q.shape[:2] + (q.shape[3], v.shape[3]))
    out = np.empty(q.shape[:3] + (v.shape[3],))
    for t in range(q.shape[2]):
        state *= gamma[:, :, t, None, None]
        state += k[:, :, t, :, None] * v[:, :, t, None, :]
        out[:, :, t] = np.einsum("bhr,bhrd->bhd", q[:, :, t], state)
    return heads, out


class LeetMethod:
    def __init__(self, library, method, operands):
        self.out = np.full(operands.v.shape, np.nan, np.float32)
        arrays = {leet.Q: operands.heads_first("q"), leet.K: operands.heads_first("k"),
                  leet.V: operands.heads_first("v"), leet.OUT: self.out.transpose(0, 2, 1, 3)}
        log_decay = operands.g.transpose(0, 2, 1)[..., None]  # [B, H, N, 1]
        if operands.decay == "head":
            arrays[leet.LOG_DECAY] = log_decay[:, :, :1]
        elif operands.decay == "step":
            arrays[leet.LOG_DECAY] = log_decay
        self._plan = library.plan(method, arrays, operands.decay)
        self.name = self._plan.method if method != "auto" else f"auto: {self._plan.method}"
        self.peer = False

    def run(self):
        self._plan.execute()

    def result(self):
        return self.out.transpose(0, 2, 1, 3)


class OnnxRuntime:
    """A model of one LinearAttention node; its outputs are bound to memory beforehand."""

    def __init__(self, domain, opset, operands, threads):
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper

        B, N, H, _ = operands.q.shape
        self.name = f"onnxruntime {onnxruntime.__version__} " + (
            "LinearAttention, com.microsoft" if domain else f"LinearAttention, ONNX opset {opset}")
        self.peer = True
        feeds = {"query": operands.q.reshape(B, N, -1), "key": operands.k.reshape(B, N, -1),
                 "value": operands.v.reshape(B, N, -1)}
        inputs = list(feeds)
        if operands.decay != "none":
            feeds["decay"] = operands.g
            inputs += ["", "decay"]  # without a past state
        node = helper.make_node(
            "LinearAttention", inputs, ["output", "present_state"], domain=domain, q_num_heads=H,
            kv_num_heads=H, scale=1.0,
            update_rule="linear" if operands.decay == "none" else "gated")
        described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, feed.shape)
                     for name, feed in feeds.items()]
        graph = helper.make_graph(
            [node], "linear_attention", described,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
             for name in ("output", "present_state")])
        imports = [helper.make_opsetid("", opset)]
        if domain:
            imports.append(helper.make_opsetid(domain, 1))
        model = helper.make_model(graph, opset_imports=imports)
        model.ir_version = min(model.ir_version, onnx.IR_VERSION)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Or its idle threads spin into the others' samples.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                                     providers=["CPUExecutionProvider"])
        self._out = np.full((B, N, H * operands.v.shape[3]), np.nan, np.float32)
        state = np.empty((B, H, operands.q.shape[3], operands.v.shape[3]), np.float32)
        self._binding = self._session.io_binding()
        self._arrays = [*feeds.values(), self._out, state]  # kept alive
        for name, feed in feeds.items():
            self._binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(feed))
        for name, array in (("output", self._out), ("present_state", state)):
            self._binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._shape = operands.v.shape

    def run(self):
        self._session.run_with_iobinding(self._binding)

    def result(self):
        return self._out.reshape(self._shape).transpose(0, 2, 1, 3)


class PyTorch:
    """Chunks of C steps by torch.matmul, the state carried from chunk to chunk."""

    def __init__(self, operands, threads):
        import torch

        torch.set_num_threads(threads)
        self.name = f"torch {torch.__version__} chunks of {C}"
        self.peer = True
        self._torch = torch
        self._inputs = [torch.from_numpy(operands.heads_first(name)) for name in "qkv"]
        self._g = torch.from_numpy(operands.g).transpose(1, 2)  # [B, H, N]

    def run(self):
        torch = self._torch
        q, k, v = self._inputs
        N = q.shape[2]
        with torch.inference_mode():
            out = torch.empty(q.shape[:3] + v.shape[3:])
            state = torch.zeros(q.shape[:2] + (q.shape[3], v.shape[3]))
            for t in range(0, N, C):
                of_chunk = slice(t, min(t + C, N))
                q_t, k_t, v_t = q[:, :, of_chunk], k[:, :, of_chunk], v[:, :, of_chunk]
                since = self._g[:, :, of_chunk].cumsum(-1)  # log decay from before the chunk
                scores = q_t @ k_t.transpose(-1, -2)
                scores *= (since[..., :, None] - since[..., None, :]).tril().exp().tril()
                out[:, :, of_chunk] = scores @ v_t + (q_t * since.exp()[..., None]) @ state
                last = since[..., -1:]
                state *= last.exp()[..., None]
                state += (k_t * (last - since).exp()[..., None]).transpose(-1, -2) @ v_t
            self._out = out

    def result(self):
        return self._out.numpy()


def contenders(args, operands):
    """Those that can be made, and why others can't."""
    library = leet.Library(args.library, args.threads)
    methods = args.methods.split(",")
    if "all" in methods:
        methods = library.methods()
    makers = [(name, lambda name=name: LeetMethod(library, name, operands)) for name in methods]
    makers += [
        ("onnxruntime LinearAttention, com.microsoft",
         lambda: OnnxRuntime("com.microsoft", 21, operands, args.threads)),
        ("onnxruntime LinearAttention, ONNX opset 27",
         lambda: OnnxRuntime("", 27, operands, args.threads)),
        ("torch", lambda: PyTorch(operands, args.threads)),
    ]
    made, absent = [], {}
    for name, make in makers:
        try:
            made.append(make())
        except Exception as problem:  # each library has its own kinds
            absent[name] = str(problem).splitlines()[0]
    return made, absent


def preemptions():
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def take_turns(runners, seconds):
    """Samples by runner: seconds of one run, and whether no thread lost its CPU meanwhile."""
    repeats = []
    for runner in runners:
        begin = time.perf_counter()
        runner.run()
        repeats.append(max(1, int(SHORTEST_SAMPLE / (time.perf_counter() - begin))))
    samples = [[] for _ in runners]
    end = time.perf_counter() + seconds
    order = np.random.default_rng(0)  # nobody always follows the same one
    while time.perf_counter() < end or len(samples[0]) < 5:
        for index in order.permutation(len(runners)):
            runner, count, taken = runners[index], repeats[index], samples[index]
            time.sleep(PAUSE)
            runner.run()
            before = preemptions()
            begin = time.perf_counter()
            for _ in range(count):
                runner.run()
            elapsed = time.perf_counter() - begin
            taken.append((elapsed / count, preemptions() == before))
    return samples


def summary(samples):
    undisturbed = [seconds for seconds, quiet in samples if quiet]
    figures = undisturbed or [seconds for seconds, _ in samples]
    p5, median, p95 = np.percentile(figures, [5, 50, 95])
    return {"seconds_median": median, "seconds_p5": p5, "seconds_p95": p95,
            "undisturbed_samples": len(undisturbed), "samples": len(samples)}


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return ""


def parse_arguments():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("B", 1), ("H", 8), ("N", 4096), ("R", 128), ("D", 128)):
        parser.add_argument(f"-{name}", type=int, default=value, metavar=name, help=f"[{value}]")
    parser.add_argument("--decay", choices=leet.DECAY, default="head")
    parser.add_argument("--methods", default="auto", help="Leet's, separated by commas; or all")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=15, help="of samples, all together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library", type=pathlib.Path, help="[build/lib/libleet.so]",
                        default=here.parents[2] / "build/lib/libleet.so")
    parser.add_argument("--json", action="store_true", help="print leet.bench-peers/1")
    args = parser.parse_args()
    if min(args.B, args.H, args.N, args.R, args.D, args.threads) < 1:
        parser.error("B, H, N, R, D and --threads need 1 or more")
    return args


def print_table(records, absent):
    width = max(len(record["name"]) for record in records)
    for record in records:
        if not record["correct"]:
            text = f"WRONG: error {record['error']:.1e}, at most {GATE:.0e} is right"
        else:
            ratio = "-" if record["ratio"] is None else f"{record['ratio']:.2f}x"
            text = (f"{1e3 * record['seconds_median']:9.3f} ms  {ratio:>7}  "
                    f"p5 {1e3 * record['seconds_p5']:9.3f} ms  "
                    f"error {record['error']:.1e}  "
                    f"{record['undisturbed_samples']}/{record['samples']} samples undisturbed")
        print(f"{record['name']:<{width}}  {text}")
    for name, why in absent.items():
        print(f"{name}: absent: {why}")
    print("x: over the fastest of Leet's methods here.")


def main():
    args = parse_arguments()
    if not args.library.exists():
        sys.exit(f"compare.py: {args.library} is not there: build Leet, or name it by --library")
    operands = Operands(args)
    made, absent = contenders(args, operands)
    heads, expected = reference(operands)
    records = []
    for runner in made:
        runner.run()
        result = runner.result()
        error = np.linalg.norm(result[:, heads] - expected) / np.linalg.norm(expected)
        finite = bool(np.isfinite(result).all())
        records.append({"name": runner.name, "peer": runner.peer, "error": float(error),
                        "correct": finite and bool(error <= GATE)})
    right = [(runner, record) for runner, record in zip(made, records) if record["correct"]]
    for (_, record), samples in zip(right, take_turns([r for r, _ in right], args.seconds)):
        record.update(summary(samples))
    own = [record["seconds_median"] for _, record in right if not record["peer"]]
    for _, record in right:
        record["ratio"] = record["seconds_median"] / min(own) if own else None
    if args.json:
        point = {name: getattr(args, name) for name in ("B", "H", "N", "R", "D")}
        print(json.dumps({"schema": "leet.bench-peers/1", **point, "decay": args.decay,
                          "threads": args.threads, "seed": args.seed, "cpu": cpu_name(),
                          "records": records, "absent": absent}, indent=1))
    else:
        print_table(records, absent)
    return 0 if len(right) == len(records) and own else 1


if __name__ == "__main__":
    sys.exit(main())
