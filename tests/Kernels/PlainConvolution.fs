/// Convolution by nested loops, as its definition has it.
module Hybrid.Tests.Kernels.PlainConvolution

open Hybrid.Kernels
open Hybrid.Tensors

let inputShape (sizes: ConvolutionSizes) = [ sizes.Batch; sizes.Height; sizes.Width; sizes.InChannels ]

let weightShape (sizes: ConvolutionSizes) =
    [ sizes.KernelHeight; sizes.KernelWidth; sizes.InChannels; sizes.OutChannels ]

let outputShape (sizes: ConvolutionSizes) = [ sizes.Batch; sizes.OutHeight; sizes.OutWidth; sizes.OutChannels ]

let describe (sizes: ConvolutionSizes) =
    $"x {inputShape sizes}, w {weightShape sizes}, stride {sizes.Stride}, padding {sizes.Padding}"

/// Calls term for each product x w that is a part of a y, with the three indices.
let private forEachTerm (sizes: ConvolutionSizes) (term: int -> int -> int -> unit) =
    for b in 0 .. sizes.Batch - 1 do
        for i in 0 .. sizes.OutHeight - 1 do
            for j in 0 .. sizes.OutWidth - 1 do
                for u in 0 .. sizes.KernelHeight - 1 do
                    for v in 0 .. sizes.KernelWidth - 1 do
                        let row = i * sizes.Stride + u - sizes.Padding.Top
                        let column = j * sizes.Stride + v - sizes.Padding.Left

                        if row >= 0 && row < sizes.Height && column >= 0 && column < sizes.Width then
                            for c in 0 .. sizes.InChannels - 1 do
                                for o in 0 .. sizes.OutChannels - 1 do
                                    term
                                        (((b * sizes.Height + row) * sizes.Width + column) * sizes.InChannels + c)
                                        (((u * sizes.KernelWidth + v) * sizes.InChannels + c) * sizes.OutChannels + o)
                                        (((b * sizes.OutHeight + i) * sizes.OutWidth + j) * sizes.OutChannels + o)

let private count (extents: int list) = List.fold (*) 1 extents

let forward sizes (x: float[]) (weight: float[]) =
    let y = Array.zeroCreate (count (outputShape sizes))
    forEachTerm sizes (fun atX atWeight atY -> y[atY] <- y[atY] + x[atX] * weight[atWeight])
    y

let inputGradient sizes (dy: float[]) (weight: float[]) =
    let dx = Array.zeroCreate (count (inputShape sizes))
    forEachTerm sizes (fun atX atWeight atY -> dx[atX] <- dx[atX] + dy[atY] * weight[atWeight])
    dx

let weightGradient sizes (x: float[]) (dy: float[]) =
    let dweight = Array.zeroCreate (count (weightShape sizes))
    forEachTerm sizes (fun atX atWeight atY -> dweight[atWeight] <- dweight[atWeight] + x[atX] * dy[atY])
    dweight

/// Channels at and around the widths of vectors, and few.
let channels = [| 1; 2; 3; 5; 8; 15; 16; 17; 20; 32; 33 |]

/// The same on all sides, or one for each.
let drawnPadding (random: RandomStream) most =
    let side () = random.NextBelow(most + 1)
    let all = side ()

    if random.NextBelow 2 = 0 then
        Padding(all, all, all, all)
    else
        Padding(side (), side (), side (), side ())

/// A convolution of random sizes with at most so many rows and columns more than its window needs.
let drawn (random: RandomStream) (channels: int[]) spare =
    let whole low high = low + random.NextBelow(high - low + 1)
    let kernelHeight, kernelWidth = whole 1 5, whole 1 5
    let padding = drawnPadding random 3
    let extent kernel padded = max 1 (kernel - padded) + whole 0 spare

    ConvolutionSizes(
        whole 1 3,
        extent kernelHeight (padding.Top + padding.Bottom),
        extent kernelWidth (padding.Left + padding.Right),
        channels[random.NextBelow channels.Length],
        kernelHeight,
        kernelWidth,
        channels[random.NextBelow channels.Length],
        whole 1 3,
        padding
    )
