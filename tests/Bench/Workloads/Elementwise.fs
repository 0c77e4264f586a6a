/// Work on each number by itself, at the widths inside the feed-forward layers of the two Transformers.
module Hybrid.Bench.Elementwise

open System
open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Memory
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open TorchSharp

let private biasAndRelu rows features inPlace =
    let x, bias = Rule.operand "x" 1.0 [ rows; features ], Rule.operand "bias" 1.0 [ features ]
    let manner = if inPlace then "in place" else "out of place"

    let ours () =
        let x, bias = Rule.oursOf x, Rule.oursOf bias
        let y = if inPlace then x else Tensor<single>.Zeros x.Shape

        fun () ->
            Broadcast.AddAndRelu(bias, x, y)
            y

    let theirs () =
        let x, bias = Rule.torchOf x, Rule.torchOf bias
        if inPlace then fun () -> x.add_(bias).relu_() else fun () -> x.add(bias).relu_()

    Rule.forward $"bias+ReLU {manner}, {rows}x{features}" (Goal.goal 1.5 3.0) ours theirs

let private geluForward rows features =
    let x = Rule.operand "x" 4.0 [ rows; features ]

    let ours () =
        let x, arena = Rule.oursOf x, Arena<single>()

        fun () ->
            // Memory of the last call is free again; its contents stay until the next rent.
            arena.Release()
            let struct (y, _) = Gelu.Forward(x, arena)
            y

    let theirs () =
        let x = Rule.torchOf x
        fun () -> torch.nn.functional.gelu x

    Rule.forward $"GELU forward, {rows}x{features}" None ours theirs

/// A function of one number, forward and backward.
let private bothWays
    name
    goal
    (ours: Variable<single> -> Variable<single>)
    (theirs: torch.Tensor -> torch.Tensor)
    rows
    features
    =
    let shape = [ rows; features ]

    Rule.bothWays
        name
        goal
        [ Rule.operand "x" 4.0 shape ]
        (Some(Rule.operand "dy" 1.0 shape))
        (fun inputs -> ours inputs[0])
        (fun inputs -> theirs inputs[0])

let private gelu = bothWays "GELU" (Goal.goal 0.95 1.2) _.Gelu() (fun x -> torch.nn.functional.gelu x)

/// Others, which have no goals.
let private functions =
    [
        bothWays "tanh" None _.Tanh() (fun x -> torch.nn.functional.tanh x)
        bothWays "sigmoid" None _.Sigmoid() (fun x -> torch.nn.functional.sigmoid x)
        bothWays "swish" None _.Swish() (fun x -> torch.nn.functional.silu x)
        bothWays "softplus" None _.Softplus() (fun x -> torch.nn.functional.softplus x)
    ]

let private adamW rows columns =
    let value, gradient = Rule.operand "value" 1.0 [ rows; columns ], Rule.operand "gradient" 1.0 [ rows; columns ]
    let learningRate, decay = 1e-3, 0.01

    let ours () =
        let parameter = Parameter<single>("value", Rule.oursOf value)
        gradient.Values.AsSpan().CopyTo parameter.Gradient.Span
        let optimizer = AdamW<single>([ parameter ], decay)

        fun () ->
            optimizer.Step learningRate
            parameter.Value

    let theirs () =
        let parameter = new Modules.Parameter(Rule.torchOf value)
        parameter.grad <- Rule.torchOf gradient
        let optimizer = torch.optim.AdamW([ parameter ], learningRate, weight_decay = decay)

        fun () ->
            optimizer.step () |> ignore
            parameter :> torch.Tensor

    Rule.forward $"AdamW, {rows}x{columns}" (Goal.goal 3.0 5.0) ours theirs

let all =
    let sizes = [ 1536, 512; 512, 2048 ]

    [
        for rows, features in sizes do
            biasAndRelu rows features false
            biasAndRelu rows features true
        for rows, features in sizes do
            geluForward rows features
            gelu rows features
        for pass in functions do
            pass 1536 512
        adamW 128 512
        adamW 512 2048
        adamW 8000 512
    ]
