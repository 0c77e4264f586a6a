/// Functions of single numbers or rows in torch.
module Hybrid.Parity.Table.Functions

open Hybrid.Parity
open TorchSharp
open TorchSharp.Modules

type private F = torch.nn.functional

/// The largest of each unit's pieces; all units' first pieces stand first.
let private maxout (pieces: int) (x: torch.Tensor) =
    x.reshape(Array.append x.shape[.. x.shape.Length - 2] [| int64 pieces; -1L |]).amax([| -2L |])

/// Torch's second axis has the slopes, ours the last.
let private prelu (x: torch.Tensor) (slope: torch.Tensor) =
    F.prelu(x.reshape (-1L, Array.last x.shape), slope).reshape(x.shape)

let formulas: (string * Formula) list =
    [
        "Dropout", fun step -> unary (step.Dropout step?rate)
        "Elu", fun step -> unary (fun x -> F.elu (x, step?alpha))
        // Torch has one function with a gate, which takes value and gate in one tensor.
        "GeGlu", fun _ -> binary (fun value gate -> value * F.gelu gate)
        "Gelu", fun _ -> unary F.gelu
        "GeluTanh", fun _ -> unary (fun x -> F.gelu (x, GELU.Approximate.tanh))
        "Glu", fun _ -> binary (fun value gate -> F.glu (torch.cat ([| value; gate |], -1L), -1L))
        // In pieces: the derivative of torch's own has a sixth in single precision, in double too.
        "HardSigmoid",
        fun _ -> unary (fun x -> (x / number x 6.0 + number x 0.5).clamp((0.0).ToScalar(), (1.0).ToScalar()))
        "HardSwish", fun _ -> unary F.hardswish
        // In pieces: TorchSharp 0.107.0 hands back x as it is where hardtanh is called.
        "HardTanh", fun _ -> unary _.clamp((-1.0).ToScalar(), (1.0).ToScalar())
        "LeakyRelu", fun step -> unary (fun x -> F.leaky_relu (x, step?slope))
        "LogSigmoid", fun _ -> unary F.logsigmoid
        "Maxout", fun step -> unary (maxout step?pieces)
        "Mish", fun _ -> unary F.mish
        "PRelu", fun _ -> binary prelu
        "Relu", fun _ -> unary F.relu
        "Selu", fun _ -> unary F.selu
        "Sigmoid", fun _ -> unary F.sigmoid
        "Softmax", fun _ -> unary (fun x -> F.softmax (x, -1L))
        "Softplus", fun _ -> unary F.softplus
        "SwiGlu", fun _ -> binary (fun value gate -> value * F.silu gate)
        // β as torch does not have it.
        "Swish",
        fun step -> unary (fun x -> if step?beta = 1.0 then F.silu x else x * F.sigmoid (x * number x step?beta))
        "Tanh", fun _ -> unary F.tanh
    ]
