/// Short forms for TorchSharp.
module Hybrid.Bench.Torch

open System
open TorchSharp

/// Frees what the action made, as soon as it is done: finalizers would come late, and memory would grow.
let scoped (action: unit -> unit) () =
    use _ = torch.NewDisposeScope()
    action ()

/// As scoped, and nothing is kept for a backward pass.
let inference (action: unit -> unit) () =
    use _ = torch.no_grad ()
    scoped action ()

let private extents (shape: int list) = shape |> List.map int64 |> List.toArray

let tensor shape (values: single[]) : torch.Tensor = torch.tensor (values, ReadOnlySpan(extents shape))

/// A tensor into which a gradient flows.
let variable shape values = (tensor shape values).requires_grad_(true)

let ids shape (values: int[]) = torch.tensor (Array.map int64 values, ReadOnlySpan(extents shape))

let toArray (tensor: torch.Tensor) =
    use double = tensor.detach().``to``(torch.float64).contiguous()
    double.data<float>().ToArray()
