/// Convolutions and transposed ones, at sizes of networks for images of 28 x 28.
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
        IsTransposed: bool
    }

    member size.Padding = (size.Kernel - 1) / 2

    member size.OutSide =
        if size.IsTransposed then
            (size.Side - 1) * size.Stride - 2 * size.Padding + size.Kernel
        else
            (size.Side + 2 * size.Padding - size.Kernel) / size.Stride + 1

    /// Of the convolution, or of the one whose transpose it is.
    member size.Sizes =
        let side, inChannels, outChannels =
            if size.IsTransposed then
                size.OutSide, size.OutChannels, size.InChannels
            else
                size.Side, size.InChannels, size.OutChannels

        ConvolutionSizes(
            size.Batch,
            side,
            side,
            inChannels,
            size.Kernel,
            size.Kernel,
            outChannels,
            size.Stride,
            size.Padding
        )

    override size.ToString() =
        let stride = if size.Stride = 1 then "" else $" stride {size.Stride}"

        $"{size.Kernel}x{size.Kernel}{stride} to {size.OutChannels}, {size.Batch}x{size.Side}x{size.Side}x{size.InChannels}"

let private operands (size: Size) =
    let sizes = size.Sizes

    Rule.operand "x" 1.0 [ size.Batch; size.Side; size.Side; size.InChannels ],
    Rule.operand "weight" 0.2 [ size.Kernel; size.Kernel; sizes.InChannels; sizes.OutChannels ],
    Rule.operand "dy" 1.0 [ size.Batch; size.OutSide; size.OutSide; size.OutChannels ]

/// The same numbers as torch has them unless told otherwise, which suits its gradients: images [batch, channels, height, width] and
/// weights [out, in, height, width], or [in, out, height, width] of a transposed one, contiguous. Some of its forward passes are faster
/// where channels lie last in memory.
let private images operand = (Rule.torchOf operand).permute(0L, 3L, 1L, 2L).contiguous()

let private weights operand = (Rule.torchOf operand).permute(3L, 2L, 0L, 1L).contiguous()
let private imagesBack (images: torch.Tensor) = images.permute (0L, 2L, 3L, 1L)
let private weightsBack (weights: torch.Tensor) = weights.permute (2L, 3L, 1L, 0L)

let private convolve (size: Size) (x: torch.Tensor) (weight: torch.Tensor) =
    let strides, padding = [| int64 size.Stride |], [| int64 size.Padding |]

    if size.IsTransposed then
        torch.nn.functional.conv_transpose2d (x, weight, strides = strides, padding = padding)
    else
        torch.nn.functional.conv2d (x, weight, strides = strides, padding = padding)

/// Results in our layout, in which the two are compared.
let private torchSide (run: unit -> unit) (results: unit -> torch.Tensor list) =
    { Run = run; Results = fun () -> results () |> List.map Torch.toArray }

let private workload kind goal (size: Size) ours torch =
    let name = if size.IsTransposed then "transposed conv" else "conv"

    {
        Name = $"{name} {kind}, {size}"
        Goal = goal
        Tolerance = 1e-5
        IsStep = false
        Ours = ours
        Torch = torch
    }

let private forward goal (size: Size) =
    let x, weight, _ = operands size

    let ours () =
        let x, weight, arena = Rule.oursOf x, Rule.oursOf weight, Arena<single>()

        let action () =
            // Memory of the last call is free again; its contents stay until the next rent.
            arena.Release()

            let struct (y, _) =
                if size.IsTransposed then
                    ConvTranspose2d.Forward(size.Stride, size.Padding, x, weight, null, arena)
                else
                    Conv2d.Forward(size.Stride, size.Padding, x, weight, null, arena)

            y

        { Run = action >> ignore; Results = fun () -> [ Rule.toFloats (action ()) ] }

    let theirs () =
        let x, weight = images x, weights weight
        let action () = convolve size x weight
        torchSide (Torch.inference (action >> ignore)) (fun () -> [ imagesBack (action ()) ])

    workload "forward" goal size ours theirs

/// Both gradients of one forward pass, which is not measured; ours are the two calls of the rule's pullback.
let private backward goal (size: Size) =
    let x, weight, dy = operands size

    let ours () =
        let x, weight, dy, arena = Rule.oursOf x, Rule.oursOf weight, Rule.oursOf dy, Arena<single>()

        let sizes = size.Sizes

        let action () =
            arena.Release()
            let dx, dweight = Tensor<single>.Rent(arena, x.Shape), Tensor<single>.Rent(arena, weight.Shape)

            if size.IsTransposed then
                Convolution.Forward(sizes, dy, weight, dx)
                Convolution.WeightGradient(sizes, dy, x, dweight, false, arena)
            else
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
        IsTransposed = false
    }

let private transposed size = { size with IsTransposed = true }

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
        // A generator's two steps from 7 x 7 to 28 x 28; the last one makes a single channel.
        Goal.goal 1.1 1.2, transposed (size 4 2 7 64 32)
        None, transposed (size 4 2 14 32 1)
    ]

let all =
    [
        for goal, size in sizes do
            forward goal size
            backward (goal |> Option.map (fun _ -> { Floor = 0.8; Stretch = 1.1 })) size
    ]
