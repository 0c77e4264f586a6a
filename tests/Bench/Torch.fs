/// Short forms for TorchSharp.
module Hybrid.Bench.Torch

open System
open TorchSharp

/// Frees what the action made, as soon as it is done: finalizers would come late, and memory would grow.
let scoped (action: unit -> unit) () =
    use _ = torch.NewDisposeScope()
    action ()

/// The same for a number.
let number (action: unit -> float) =
    use _ = torch.NewDisposeScope()
    action ()

/// As scoped, and nothing is kept for a backward pass.
let inference (action: unit -> unit) () =
    use _ = torch.no_grad ()
    scoped action ()

let private extents (shape: int list) = shape |> List.map int64 |> List.toArray

let mutable private isInDouble = false

let tensor shape (values: single[]) : torch.Tensor =
    let numbers = torch.tensor (values, ReadOnlySpan(extents shape))
    if isInDouble then numbers.``to`` torch.float64 else numbers

/// The precision that a workload asks for, or the referee's.
let kind asked = if isInDouble then torch.ScalarType.Float64 else asked

/// What torch's side of a workload computes from the same numbers in double precision: its tensors and modules are made anew.
let inDouble (results: unit -> float[] list) =
    // Of convolutions in double precision.
    Hybrid.Nnpack.silence ()
    let usual = torch.get_default_dtype ()
    isInDouble <- true
    torch.set_default_dtype torch.float64

    try
        results ()
    finally
        isInDouble <- false
        torch.set_default_dtype usual

/// A tensor into which a gradient flows.
let variable shape values = (tensor shape values).requires_grad_(true)

let ids shape (values: int[]) = torch.tensor (Array.map int64 values, ReadOnlySpan(extents shape))

let toArray (tensor: torch.Tensor) =
    use double = tensor.detach().``to``(torch.float64).contiguous()
    double.data<float>().ToArray()
