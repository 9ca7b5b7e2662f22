"""torch_adamw.py [SHAPES.csv]: what a step of torch.optim.AdamW(fused=True) costs, in the lines of step.cu."""
import statistics
import sys

import torch


def shapes_of(path):
    shapes = []
    for line in open(path):
        count, _, axes = line.strip().partition(",")
        if count.isdigit():
            shapes += [[int(n) for n in axes.split("x")]] * int(count)
    return shapes


def measure(name, kind, shapes, **options):
    parameters = [torch.nn.Parameter(torch.rand(s, device="cuda") - 0.5) for s in shapes]
    for p in parameters:
        p.grad = torch.rand_like(p) * 0.2 - 0.1
    optimizer = torch.optim.AdamW(parameters, lr=1e-6, **options)
    n = sum(p.numel() for p in parameters)
    times = []
    for i in range(18):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        optimizer.step()
        end.record()
        end.synchronize()
        if i >= 3:
            times.append(start.elapsed_time(end))
    ns = statistics.median(times) * 1e6
    print(f"{name:9} {kind:22} {ns / n * 1e6:8.0f} {28 * n / ns:7.0f}")
    del parameters, optimizer
    torch.cuda.empty_cache()


print(f"# torch {torch.__version__} on {torch.cuda.get_device_name(0)}")
measure("matrices", "torch-fused", [[4096, 4096]] * 8, fused=True)
measure("matrices", "torch-foreach", [[4096, 4096]] * 8, foreach=True)
if len(sys.argv) > 1:
    measure("list", "torch-fused", shapes_of(sys.argv[1]), fused=True)
