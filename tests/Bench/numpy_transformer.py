"""The Transformer's training step in NumPy, written by hand: every function returns its value and its pullback.

usage: numpy_transformer.py FOLDER

The folder holds settings.json (sizes, constants, ids and the names and shapes of the parameters) and weights.bin (their values
in that order, float32). Prints JSON: the losses of three steps without dropout, and milliseconds of steps with it.
"""

import json
import sys
import time

import numpy as np

folder = sys.argv[1]
with open(f"{folder}/settings.json") as file:
    s = json.load(file)

# All parameters lie in one array, so that the optimizer is a handful of array operations.
theta = np.fromfile(f"{folder}/weights.bin", dtype=np.float32)
gradient, m, v = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
P, G, first = {}, {}, 0
for p in s["parameters"]:
    size = int(np.prod(p["shape"]))
    P[p["name"]] = theta[first : first + size].reshape(p["shape"])
    G[p["name"]] = gradient[first : first + size].reshape(p["shape"])
    first += size

width, heads, depth, length = s["features"], s["heads"], s["layers"], s["time"]
random = np.random.default_rng(2)
f32 = np.float32


def linear(x, name, bias=False):
    w = P[f"{name}.weight"]
    flat = x.reshape(-1, w.shape[0])
    y = flat @ w
    if bias:
        y += P[f"{name}.bias"]

    def back(dy):
        dy = dy.reshape(-1, w.shape[1])
        G[f"{name}.weight"] += flat.T @ dy
        if bias:
            G[f"{name}.bias"] += dy.sum(axis=0)
        return (dy @ w.T).reshape(x.shape)

    return y.reshape(*x.shape[:-1], w.shape[1]), back


def dropout(x, rate):
    if rate == 0:
        return x, lambda dy: dy
    mask = (random.random(x.shape, dtype=np.float32) >= rate) * f32(1 / (1 - rate))
    return x * mask, lambda dy: dy * mask


def layer_norm(x, name, eps=1e-5):
    gain, bias = P[f"{name}.gain"], P[f"{name}.bias"]
    centered = x - x.mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt(np.mean(centered * centered, axis=-1, keepdims=True) + f32(eps))
    xhat = centered * inverse

    def back(dy):
        G[f"{name}.gain"] += (dy * xhat).reshape(-1, width).sum(axis=0)
        G[f"{name}.bias"] += dy.reshape(-1, width).sum(axis=0)
        dxhat = dy * gain
        dxhat -= dxhat.mean(axis=-1, keepdims=True) + xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
        return dxhat * inverse

    return xhat * gain + bias, back


def split(x):
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(0, 2, 1, 3)


def merge(x):
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def attention(x, memory, name, causal):
    """The pullback returns dx and dmemory."""
    q, back_q = linear(x, f"{name}.query")
    k, back_k = linear(memory, f"{name}.key")
    value, back_v = linear(memory, f"{name}.value")
    q, k, value = split(q), split(k), split(value)
    scale = f32(1 / np.sqrt(width // heads))
    p = q @ k.transpose(0, 1, 3, 2)
    p *= scale
    if causal:
        p += np.triu(np.full((length, length), -np.inf, dtype=np.float32), 1)
    p -= p.max(axis=-1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=-1, keepdims=True)
    y, back_output = linear(merge(p @ value), f"{name}.output")

    def back(dy):
        dy = split(back_output(dy))
        dvalue = p.transpose(0, 1, 3, 2) @ dy
        dp = dy @ value.transpose(0, 1, 3, 2)
        ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) * scale
        dq, dk = ds @ k, ds.transpose(0, 1, 3, 2) @ q
        return back_q(merge(dq)), back_k(merge(dk)) + back_v(merge(dvalue))

    return y, back


def feed_forward(x, name):
    hidden, back_expand = linear(x, f"{name}.expand", bias=True)
    np.maximum(hidden, 0, out=hidden)
    y, back_contract = linear(hidden, f"{name}.contract", bias=True)
    return y, lambda dy: back_expand(back_contract(dy) * (hidden > 0))


def framed(x, sublayer, name, rate):
    """LayerNorm(x + Dropout(Sublayer(x))). The pullback returns dx and what flows elsewhere."""
    y, back_sublayer = sublayer(x)
    dropped, back_drop = dropout(y, rate)
    out, back_norm = layer_norm(x + dropped, f"{name}.norm")

    def back(dy):
        dsum = back_norm(dy)
        dx, delsewhere = back_sublayer(back_drop(dsum))
        return dsum + dx, delsewhere

    return out, back


def block(x, name, memory, rate):
    """One layer of the encoder (memory is None) or the decoder. The pullback returns dx and dmemory."""

    def within(y):
        value, back = attention(y, y, f"{name}.self", causal=memory is not None)
        return value, lambda dy: (sum(back(dy)), None)

    def inner(y):
        value, back = feed_forward(y, f"{name}.feedForward")
        return value, lambda dy: (back(dy), None)

    x, back_self = framed(x, within, f"{name}.self", rate)
    back_cross = lambda dy: (dy, None)
    if memory is not None:
        x, back_cross = framed(x, lambda y: attention(y, memory, f"{name}.cross", False), f"{name}.cross", rate)
    x, back_feed = framed(x, inner, f"{name}.feedForward", rate)

    def back(dy):
        dx, dmemory = back_cross(back_feed(dy)[0])
        return back_self(dx)[0], dmemory

    return x, back


angles = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
positions = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype(np.float32)


def embed(ids, name, rate):
    factor = f32(np.sqrt(width))
    x, back_drop = dropout(P[f"{name}.table"][ids] * factor + positions, rate)
    return x, lambda dy: np.add.at(G[f"{name}.table"], ids, back_drop(dy) * factor)


def cross_entropy(logits, targets, smoothing):
    rows, classes = logits.shape
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    every = np.arange(rows)
    loss = -((1 - smoothing) * log_p[every, targets].mean() + smoothing * log_p.mean())

    def back():
        d = np.exp(log_p)
        d -= f32(smoothing / classes)
        d[every, targets] -= f32(1 - smoothing)
        d /= f32(rows)
        return d

    return float(loss), back


sources, inputs, targets = (np.array(s[key]).reshape(s["batch"], length) for key in ("sources", "inputs", "targets"))


def forward_backward(rate):
    gradient[:] = 0
    x, back_source = embed(sources, "source", rate)
    encoder, decoder = [], []
    for i in range(depth):
        x, back = block(x, f"encoder.{i}", None, rate)
        encoder.append(back)
    memory = x
    x, back_target = embed(inputs, "target", rate)
    for i in range(depth):
        x, back = block(x, f"decoder.{i}", memory, rate)
        decoder.append(back)
    table = P["target.table"]
    flat = x.reshape(-1, width)
    loss, back = cross_entropy(flat @ table.T, targets.reshape(-1), s["smoothing"])

    dlogits = back()
    G["target.table"] += dlogits.T @ flat
    dx, dmemory = (dlogits @ table).reshape(x.shape), np.zeros_like(memory)
    for back in reversed(decoder):
        dx, d = back(dx)
        dmemory += d
    back_target(dx)
    for back in reversed(encoder):
        dmemory, _ = back(dmemory)
    back_source(dmemory)
    return loss


steps = 0


def adam():
    global steps, m, v
    steps += 1
    b1, b2 = s["beta1"], s["beta2"]
    m *= f32(b1)
    m += f32(1 - b1) * gradient
    v *= f32(b2)
    v += f32(1 - b2) * gradient * gradient
    root = np.sqrt(v * f32(1 / (1 - b2**steps)))
    root += f32(s["eps"])
    np.subtract(theta, f32(s["learningRate"] / (1 - b1**steps)) * m / root, out=theta)


losses = []
for _ in range(3):
    losses.append(forward_backward(0))
    adam()

times, end = [], time.perf_counter() + s["seconds"]
while time.perf_counter() < end or len(times) < 5:
    start = time.perf_counter()
    forward_backward(s["dropout"])
    adam()
    times.append(1000 * (time.perf_counter() - start))

print(json.dumps({"losses": losses, "ms": float(np.percentile(times, 25)), "numpy": np.__version__}))
