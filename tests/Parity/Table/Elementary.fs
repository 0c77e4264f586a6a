/// Elementary rules in torch.
module Hybrid.Parity.Table.Elementary

open Hybrid.Parity
open Hybrid.Tensors
open TorchSharp

/// Some rows of a table.
let internal gather (step: Step) (table: torch.Tensor) =
    table.index_select(0L, ids step?ids).reshape(Array.append (extents step?leading) table.shape[1..])

let private scatter (step: Step) (x: torch.Tensor) =
    let row = x.shape[(step?leading: Shape).Rank ..]
    let zeros = torch.zeros (Array.append [| int64<int> step?rows |] row, dtype = x.dtype)
    zeros.index_add (0L, ids step?ids, x.reshape (Array.append [| -1L |] row), (1).ToScalar())

let formulas: (string * Formula) list =
    [
        "Abs", fun _ -> unary _.abs()
        "Add", fun _ -> binary (+)
        "Clamp", fun step -> unary _.clamp((step?low: float).ToScalar(), (step?high: float).ToScalar())
        "Concatenate", fun step parts -> [ torch.cat (List.toArray parts, int64<int> step?axis) ]
        "Divide", fun _ -> binary (/)
        "Exp", fun _ -> unary _.exp()
        "Gather", fun step -> unary (gather step)
        "Log", fun _ -> unary _.log()
        "LogSoftmax", fun _ -> unary (fun x -> torch.nn.functional.log_softmax (x, -1L))
        "LogSumExp", fun step -> unary _.logsumexp(int64<int> step?axis, step?keepAxis)
        "MatMul", fun _ -> binary (fun a b -> torch.matmul (a, b))
        "Max", fun step -> unary _.amax(long step?axes, step?keepAxes)
        "Maximum", fun _ -> binary _.maximum
        "Mean", fun step -> unary _.mean(long step?axes, step?keepAxes)
        "Minimum", fun _ -> binary _.minimum
        "Multiply", fun _ -> binary (*)
        "Negate", fun _ -> unary (~-)
        "NormalCdf", fun _ -> unary torch.special.ndtr
        // A parameter by itself.
        "Of", fun _ -> unary id
        "Permute", fun step -> unary _.permute(long step?order)
        "Pick",
        fun step ->
            unary (fun x ->
                x
                    .gather(-1L, (ids step?ids).reshape(Array.append x.shape[.. x.shape.Length - 2] [| 1L |]))
                    .squeeze(-1L))
        "Power", fun step -> unary _.pow((step?p: float).ToScalar())
        "Reshape", fun step -> unary _.reshape(extents step?shape)
        "Scale", fun step -> unary (fun x -> x * number x step?factor)
        "ScatterAdd", fun step -> unary (scatter step)
        "Slice", fun step -> unary _.narrow(int64<int> step?axis, int64<int> step?start, int64<int> step?length)
        "Split", fun step x -> List.ofArray (x.Head.chunk (int64<int> step?n, int64<int> step?axis))
        "Sqrt", fun _ -> unary _.sqrt()
        "Square", fun _ -> unary _.square()
        "Stack", fun step parts -> [ torch.stack (List.toArray parts, int64<int> step?axis) ]
        "Subtract", fun _ -> binary (-)
        "Sum", fun step -> unary _.sum(long step?axes, step?keepAxes)
        "Transpose", fun _ -> unary _.transpose(-1L, -2L)
        "Where", fun _ -> ternary (fun a b mask -> torch.where (mask.``to`` torch.bool, a, b))
    ]
