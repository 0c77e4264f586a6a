/// Convolutions, at sizes of a residual network on images of 28 x 28.
module Hybrid.Bench.Convolutions

open Hybrid.Kernels
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open TorchSharp

type private Size =
    {
        Batch: int
        Side: int
        InChannels: int
        OutChannels: int
        Kernel: int
        Stride: int
    }

    member size.Padding = size.Kernel / 2
    member size.OutSide = (size.Side + 2 * size.Padding - size.Kernel) / size.Stride + 1

    override size.ToString() =
        let stride = if size.Stride = 1 then "" else $" stride {size.Stride}"

        $"{size.Kernel}x{size.Kernel}{stride} to {size.OutChannels}, {size.Batch}x{size.Side}x{size.Side}x{size.InChannels}"

let private operands size =
    Rule.operand "x" 1.0 [ size.Batch; size.Side; size.Side; size.InChannels ],
    Rule.operand "weight" 0.2 [ size.Kernel; size.Kernel; size.InChannels; size.OutChannels ],
    Rule.operand "dy" 1.0 [ size.Batch; size.OutSide; size.OutSide; size.OutChannels ]

/// The same numbers where torch's convolution likes them: images [batch, channels, height, width], weights [out, in, height, width].
let private images operand = (Rule.torchOf operand).permute(0L, 3L, 1L, 2L).contiguous()

let private weights operand = (Rule.torchOf operand).permute(3L, 2L, 0L, 1L).contiguous()
let private imagesBack (images: torch.Tensor) = images.permute (0L, 2L, 3L, 1L)
let private weightsBack (weights: torch.Tensor) = weights.permute (2L, 3L, 1L, 0L)

let private convolve size (x: torch.Tensor) (weight: torch.Tensor) =
    torch.nn.functional.conv2d (x, weight, strides = [| int64 size.Stride |], padding = [| int64 size.Padding |])

/// Results in our layout, in which the two are compared.
let private torchSide (run: unit -> unit) (results: unit -> torch.Tensor list) =
    { Run = run; Results = fun () -> results () |> List.map Torch.toArray }

let private workload kind goal size ours torch =
    {
        Name = $"conv {kind}, {size}"
        Goal = goal
        Tolerance = 1e-5
        IsStep = false
        Ours = ours
        Torch = torch
    }

let private forward goal size =
    let x, weight, _ = operands size

    let ours () =
        let x, weight, arena = Rule.oursOf x, Rule.oursOf weight, Arena<single>()

        let action () =
            // Memory of the last call is free again; its contents stay until the next rent.
            arena.Release()
            let struct (y, _) = Conv2d.Forward(size.Stride, size.Padding, x, weight, null, arena)
            y

        { Run = action >> ignore; Results = fun () -> [ Rule.toFloats (action ()) ] }

    let theirs () =
        let x, weight = images x, weights weight
        let action () = convolve size x weight
        torchSide (Torch.inference (action >> ignore)) (fun () -> [ imagesBack (action ()) ])

    workload "forward" goal size ours theirs

/// Both gradients of one forward pass, which is not measured; ours are the two calls of the rule's pullback.
let private backward goal size =
    let x, weight, dy = operands size

    let ours () =
        let x, weight, dy, arena = Rule.oursOf x, Rule.oursOf weight, Rule.oursOf dy, Arena<single>()

        let sizes =
            ConvolutionSizes(
                size.Batch,
                size.Side,
                size.Side,
                size.InChannels,
                size.Kernel,
                size.Kernel,
                size.OutChannels,
                size.Stride,
                size.Padding
            )

        let action () =
            arena.Release()
            let dx, dweight = Tensor<single>.Rent(arena, x.Shape), Tensor<single>.Rent(arena, weight.Shape)
            Convolution.InputGradient(sizes, dy, weight, dx, false, arena)
            Convolution.WeightGradient(sizes, x, dy, dweight, false, arena)
            [ dx; dweight ]

        { Run = action >> ignore; Results = fun () -> action () |> List.map Rule.toFloats }

    let theirs () =
        let x, weight = (images x).requires_grad_ true, (weights weight).requires_grad_ true
        let y, dy = convolve size x weight, images dy
        let action () = torch.autograd.grad ([| y |], [| x; weight |], [| dy |], retain_graph = true)

        let results () =
            let gradients = action () |> Seq.toArray
            [ imagesBack gradients[0]; weightsBack gradients[1] ]

        torchSide (Torch.scoped (action >> ignore)) results

    workload "backward" goal size ours theirs

let private size kernel stride side inChannels outChannels =
    {
        Batch = 64
        Side = side
        InChannels = inChannels
        OutChannels = outChannels
        Kernel = kernel
        Stride = stride
    }

let private sizes =
    [
        // The first layer, the three stages of a residual network, the step between two of them, and a large window.
        None, size 3 1 28 1 16
        Goal.goal 0.75 1.2, size 3 1 28 16 16
        Goal.goal 1.1 1.2, size 3 1 14 32 32
        Goal.goal 1.1 1.2, size 3 1 7 64 64
        Goal.goal 1.1 1.2, size 3 2 28 16 32
        Goal.goal 1.1 1.2, size 7 2 28 16 32
        None, size 1 2 28 16 32
    ]

let all =
    [
        for goal, size in sizes do
            forward goal size
            backward (goal |> Option.map (fun _ -> { Floor = 0.8; Stretch = 1.1 })) size
    ]
