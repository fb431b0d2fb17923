"""What the comparisons share: medians, the machine, and one model in the three forms that pope and its peers read."""
import json, os, pathlib, platform, statistics, subprocess, time


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def machine():
    lines = open("/proc/cpuinfo").read().splitlines() if platform.system() == "Linux" else []
    name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())
    features = next((line.split() for line in lines if line.startswith("flags")), [])
    matters = [f for f in ("avx512_bf16", "amx_bf16") if f in features]
    return {"cpu": f"{name}, {os.cpu_count()} cores", "features": matters}


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def run_json(command):
    return json.loads(subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE).stdout)


def hugging_face_folder(pope, model, folder):
    """`model` (a .gguf file or a folder) as a Hugging Face directory in bf16."""
    subprocess.run([pope, "export", "hf", "--model", model, "--out", str(folder), "--set", "run.dtype=bf16"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def bf16_gguf(source, target):
    """The .gguf file `source` with its matrices dequantised to bf16: what `pope` computes with, too."""
    import gguf

    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        if kind == gguf.GGUFValueType.ARRAY:
            writer.add_key_value(field.name, field.contents(), kind, sub_type=field.types[-1])
        else:
            writer.add_key_value(field.name, field.contents(), kind)
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        values = values.reshape(tuple(reversed([int(n) for n in tensor.shape])))
        if values.ndim == 1:
            writer.add_tensor(tensor.name, values.astype("float32"))
        else:
            data = gguf.quants.quantize(values, gguf.GGMLQuantizationType.BF16)
            writer.add_tensor(tensor.name, data, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def finish(report, out):
    report = {"commit": commit(), **machine(), **report}
    print(json.dumps(report, indent=1))
    if out:
        pathlib.Path(out).write_text(json.dumps(report, indent=1) + "\n")
