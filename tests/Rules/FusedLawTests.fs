/// The law of every fused rule: it is what its composition of elementary rules says.
module Hybrid.Tests.Rules.FusedLawTests

open System
open System.IO
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Law
open Hybrid.Tests.Support

/// What the law scales inputs by before it checks a rule between others.
let private scaled (inputs: Tensor<float> list) = inputs |> List.map (mapTensor ((*) 0.7))

/// Numbers that keep a distance from the kinks of a function, also when they are scaled.
let private awayFrom (kinks: float list) (x: Tensor<float>) =
    let kinks = kinks @ List.map (fun kink -> kink / 0.7) kinks

    let moved value =
        match kinks |> List.tryFind (fun kink -> abs (value - kink) < 0.02) with
        | Some kink -> kink + (if value < kink then -0.03 else 0.03)
        | None -> value

    mapTensor moved x

let private matrix (sizes: Sizes) = normal sizes.Random [ sizes.Rows; sizes.Columns ]
let private onRows kinks (sizes: Sizes) = [ awayFrom kinks (matrix sizes) ]
let private emptyRows = [ [ 0; 3 ] ]

let private pair (sizes: Sizes) =
    let random = sizes.Random
    [ normal random [ sizes.Rows; sizes.Columns ]; normal random [ sizes.Rows; sizes.Columns ] ]

let private withGainAndBias (x: Tensor<float>) (random: RandomStream) =
    [ x; normal random [ x.Shape.Columns ]; normal random [ x.Shape.Columns ] ]

let private linear (sizes: Sizes) =
    let random = sizes.Random

    [
        normal random [ sizes.Batch; sizes.Rows; sizes.Inner ]
        normal random [ sizes.Inner; sizes.Columns ]
        normal random [ sizes.Columns ]
    ]

/// Redrawn until no preactivation lies at the kink.
let rec private linearAwayFromKinks (sizes: Sizes) =
    let inputs = linear sizes

    let isNear inputs =
        valueOf inputs (fun _ x -> x[0].Linear(x[1], x[2]))
        |> floats
        |> Array.exists (fun z -> abs z < 0.01)

    if isNear inputs || isNear (scaled inputs) then
        linearAwayFromKinks { sizes with Seed = sizes.Seed + 1 }
    else
        inputs

/// Images of all different numbers, for rules that take the largest.
let private images (sizes: Sizes) =
    apart sizes.Random [ sizes.Batch; sizes.Rows + 2; sizes.Inner + 2; min 3 sizes.Columns ]

let private convolved (sizes: Sizes) =
    let random = sizes.Random
    let inChannels, outChannels = min 3 sizes.Inner, sizes.Columns

    [
        normal random [ sizes.Batch; sizes.Rows + 2; sizes.Columns % 4 + 3; inChannels ]
        normal random [ 3; 2; inChannels; outChannels ]
        normal random [ outChannels ]
    ]

let private upconvolved (sizes: Sizes) =
    match convolved sizes with
    | [ x; weight; bias ] ->
        let extents = weight.Shape.ToArray()
        let turned = normal sizes.Random [ extents[0]; extents[1]; extents[3]; extents[2] ]
        [ x; turned; bias ]
    | other -> other

let private attended keyHeads (sizes: Sizes) =
    let random = sizes.Random
    let queryTime, keyTime, size = sizes.Rows, sizes.Rows + 2, sizes.Columns

    [
        normal random [ 2; queryTime; 4 * size ]
        normal random [ 2; keyTime; keyHeads * size ]
        normal random [ 2; keyTime; keyHeads * (size + 1) ]
    ]

/// Queries, keys and values of one head.
let private ofOneHead (sizes: Sizes) =
    let random = sizes.Random

    [
        normal random [ 2; sizes.Rows; sizes.Columns ]
        normal random [ 2; sizes.Rows + 2; sizes.Columns ]
        normal random [ 2; sizes.Rows + 2; sizes.Columns + 1 ]
    ]

/// A constant row of channels, on the tape of x.
let private constantRow (value: float) (x: Variable<'T>) =
    let row = Tensor<'T>.Zeros(shape [ x.Shape.Columns ])
    row.Span.Fill('T.CreateChecked value)
    row

/// What a mask of two sequences shows: nothing of the first, some of the second.
let private padding = AttentionMask.Padding [| 0; 2 |]

let private targets (rows: int) classes = Array.init rows (fun i -> i * 7 % classes)

let private tapeOf (x: Variable<'T>) = nonNull x.Tape
let private first struct (y: Variable<'T>, _: Tensor<'T>, _: Tensor<'T>) = y
let private first2 struct (y: Variable<'T>, _: Variable<'T>) = y
let private onTape make (x: Variable<'T>) = (tapeOf x).Constant(make x)

let private cell parts (sizes: Sizes) =
    let random = sizes.Random
    let width = sizes.Columns
    [ for part in parts -> normal random [ sizes.Rows; part * width ] ]

let private grouped (sizes: Sizes) =
    withGainAndBias
        (normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; 3 * sizes.Columns ])
        (sizes.Random.Split "gain and bias")

/// Output and state of a cell together.
let private both struct (h: Variable<'T>, c: Variable<'T>) = h + c.Scale 0.6
let private second2 struct (_: Variable<'T>, c: Variable<'T>) = c

/// Redrawn until nothing that is normalized lies at the kink.
let rec private normalizedAwayFromKinks (normalize: Variable<float>[] -> Variable<float>) (sizes: Sizes) =
    let random = sizes.Random
    let inputs = withGainAndBias (normal random [ sizes.Batch; sizes.Rows; sizes.Columns ]) random

    let isNear inputs = valueOf inputs (fun _ x -> normalize x) |> floats |> Array.exists (fun z -> abs z < 0.01)

    if isNear inputs || isNear (scaled inputs) then
        normalizedAwayFromKinks normalize { sizes with Seed = sizes.Seed + 1 }
    else
        inputs

/// A dropout that draws the same mask at every call.
let private dropped (x: Variable<'T>) =
    use _ = (tapeOf x).Training(RandomStream 11UL)
    x.Dropout 0.4

let private maskOf (x: Variable<'T>) =
    let tape = tapeOf x
    use _ = tape.Training(RandomStream 11UL)
    let ones = Tensor<'T>.Zeros x.Shape
    ones.Span.Fill 'T.One
    tape.Constant((tape.Constant ones).Dropout(0.4).Value)

/// Ten rows of a table, some more than once.
let private ids (table: Variable<_>) = targets 10 table.Shape.Rows
/// Classes of which 1 is padding, the first not.
let private classes (logits: Variable<_>) = targets logits.Shape.Rows logits.Shape.Columns

let private cases =
    [
        rule
            "Sigmoid"
            { new IRule with
                member _.On x = x[0].Sigmoid()
            }
            (onRows [])
            [ "SIG-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Sigmoid.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Tanh"
            { new IRule with
                member _.On x = x[0].Tanh()
            }
            (onRows [])
            [ "TANH-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Tanh.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Relu"
            { new IRule with
                member _.On x = x[0].Relu()
            }
            (onRows [ 0.0 ])
            [ "RELU-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Relu.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "HardTanh"
            { new IRule with
                member _.On x = x[0].HardTanh()
            }
            (onRows [ -1.0; 1.0 ])
            [ "HTANH-2" ]
        |> composedOf
            { new IRule with
                member _.On x = HardTanh.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "HardSigmoid"
            { new IRule with
                member _.On x = x[0].HardSigmoid()
            }
            (onRows [ -3.0; 3.0 ])
            [ "HSIG-2" ]
        |> composedOf
            { new IRule with
                member _.On x = HardSigmoid.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "HardSwish"
            { new IRule with
                member _.On x = x[0].HardSwish()
            }
            (onRows [ -3.0; 3.0 ])
            [ "HSWI-2" ]
        |> composedOf
            { new IRule with
                member _.On x = HardSwish.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Selu"
            { new IRule with
                member _.On x = x[0].Selu()
            }
            (onRows [ 0.0 ])
            [ "SELU-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Selu.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Softplus"
            { new IRule with
                member _.On x = x[0].Softplus()
            }
            (onRows [])
            [ "SP-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Softplus.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "LogSigmoid"
            { new IRule with
                member _.On x = x[0].LogSigmoid()
            }
            (onRows [])
            [ "LSIG-2" ]
        |> composedOf
            { new IRule with
                member _.On x = LogSigmoid.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Gelu"
            { new IRule with
                member _.On x = x[0].Gelu()
            }
            (onRows [])
            [ "GELU-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Gelu.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Mish"
            { new IRule with
                member _.On x = x[0].Mish()
            }
            (onRows [])
            [ "MISH-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Mish.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Softmax"
            { new IRule with
                member _.On x = x[0].Softmax()
            }
            (onRows [])
            [ "SM-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Softmax.Composed x[0]
            }
        |> emptyAt emptyRows

        rule
            "Gelu, tanh"
            { new IRule with
                member _.On x = x[0].GeluTanh()
            }
            (onRows [])
            [ "GELU-4" ]
        |> composedOf
            { new IRule with
                member _.On x = Gelu.ComposedTanh x[0]
            }
        |> emptyAt emptyRows

        rule
            "LeakyRelu"
            { new IRule with
                member _.On x = x[0].LeakyRelu 0.2
            }
            (onRows [ 0.0 ])
            [ "LREL-2" ]
        |> composedOf
            { new IRule with
                member _.On x = LeakyRelu.Composed(0.2, x[0])
            }
        |> emptyAt emptyRows

        rule
            "Elu"
            { new IRule with
                member _.On x = x[0].Elu 0.7
            }
            (onRows [ 0.0 ])
            [ "ELU-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Elu.Composed(0.7, x[0])
            }
        |> emptyAt emptyRows

        rule
            "Swish"
            { new IRule with
                member _.On x = x[0].Swish 1.3
            }
            (onRows [])
            [ "SWI-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Swish.Composed(1.3, x[0])
            }
        |> emptyAt emptyRows

        rule
            "Glu"
            { new IRule with
                member _.On x = x[0].Glu x[1]
            }
            (pair)
            [ "GLU-1"; "GLU-2"; "GLU-3" ]
        |> composedOf
            { new IRule with
                member _.On x = Glu.Composed(x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]

        rule
            "GeGlu"
            { new IRule with
                member _.On x = x[0].GeGlu x[1]
            }
            (pair)
            [ "GEGLU-1"; "GEGLU-2"; "GEGLU-3" ]
        |> composedOf
            { new IRule with
                member _.On x = GeGlu.Composed(x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]

        rule
            "SwiGlu"
            { new IRule with
                member _.On x = x[0].SwiGlu x[1]
            }
            (pair)
            [ "SWIGLU-1"; "SWIGLU-2"; "SWIGLU-3" ]
        |> composedOf
            { new IRule with
                member _.On x = SwiGlu.Composed(x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]

        rule
            "PRelu"
            { new IRule with
                member _.On x = x[0].PRelu x[1]
            }
            ((fun sizes -> onRows [ 0.0 ] sizes @ [ normal sizes.Random [ sizes.Columns ] ]))
            [ "PREL-2"; "PREL-3" ]
        |> composedOf
            { new IRule with
                member _.On x = PRelu.Composed(x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 3 ] ]

        rule
            "PRelu, one slope"
            { new IRule with
                member _.On x = x[0].PRelu x[1]
            }
            ((fun sizes -> onRows [ 0.0 ] sizes @ [ normal sizes.Random [ 1 ] ]))
            []
        |> composedOf
            { new IRule with
                member _.On x = PRelu.Composed(x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 1 ] ]

        rule
            "Maxout"
            { new IRule with
                member _.On x = x[0].Maxout 3
            }
            ((fun sizes -> [ apart sizes.Random [ sizes.Rows; 3 * sizes.Columns ] ]))
            []
        |> composedOf
            { new IRule with
                member _.On x = Maxout.Composed(3, x[0])
            }
        |> emptyAt [ [ 0; 6 ] ]

        rule
            "LayerNorm"
            { new IRule with
                member _.On x = x[0].LayerNorm(x[1], x[2], 0.1)
            }
            ((fun sizes -> withGainAndBias (matrix sizes) sizes.Random))
            []
        |> composedOf
            { new IRule with
                member _.On x = LayerNorm.Composed(0.1, x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 3 ]; [ 3 ]; [ 3 ] ]

        rule
            "BatchNorm"
            { new IRule with
                member _.On x = first (x[0].BatchNorm(x[1], x[2], 0.1))
            }
            ((fun sizes ->
                withGainAndBias (normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]) sizes.Random))
            []
        |> composedOf
            { new IRule with
                member _.On x = BatchNorm.Composed(0.1, x[0], x[1], x[2])
            }

        rule
            "BatchNorm, fixed"
            { new IRule with
                member _.On x =
                    x[0].BatchNormFixed(x[1], x[2], onTape (constantRow 0.3) x[0], onTape (constantRow 2.0) x[0], 0.1)
            }
            ((fun sizes ->
                withGainAndBias (normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]) sizes.Random))
            []
        |> composedOf
            { new IRule with
                member _.On x =
                    BatchNorm.ComposedFixed(
                        0.1,
                        x[0],
                        x[1],
                        x[2],
                        onTape (constantRow 0.3) x[0],
                        onTape (constantRow 2.0) x[0]
                    )
            }
        |> emptyAt [ [ 0; 3 ]; [ 3 ]; [ 3 ] ]

        rule
            "BatchNormRelu"
            { new IRule with
                member _.On x = first (x[0].BatchNormRelu(x[1], x[2], 0.1))
            }
            ((normalizedAwayFromKinks (fun x -> BatchNorm.Composed(0.1, x[0], x[1], x[2]))))
            []
        |> composedOf
            { new IRule with
                member _.On x = BatchNormRelu.Composed(0.1, x[0], x[1], x[2])
            }

        rule
            "BatchNormRelu, fixed"
            { new IRule with
                member _.On x =
                    x[0]
                        .BatchNormReluFixed(
                            x[1],
                            x[2],
                            onTape (constantRow 0.3) x[0],
                            onTape (constantRow 2.0) x[0],
                            0.1
                        )
            }
            ((normalizedAwayFromKinks (fun x ->
                BatchNorm.ComposedFixed(
                    0.1,
                    x[0],
                    x[1],
                    x[2],
                    onTape (constantRow 0.3) x[0],
                    onTape (constantRow 2.0) x[0]
                ))))
            []
        |> composedOf
            { new IRule with
                member _.On x =
                    BatchNormRelu.ComposedFixed(
                        0.1,
                        x[0],
                        x[1],
                        x[2],
                        onTape (constantRow 0.3) x[0],
                        onTape (constantRow 2.0) x[0]
                    )
            }
        |> emptyAt [ [ 0; 3 ]; [ 3 ]; [ 3 ] ]

        rule
            "Linear"
            { new IRule with
                member _.On x = x[0].Linear(x[1], x[2])
            }
            (linear)
            [ "LIN-1"; "LIN-2"; "LIN-3"; "LIN-4" ]
        |> composedOf
            { new IRule with
                member _.On x = Linear.Composed(x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ]; [ 2 ] ]

        rule
            "Linear, without bias"
            { new IRule with
                member _.On x = x[0].Linear(x[1])
            }
            ((linear >> List.take 2))
            []
        |> composedOf
            { new IRule with
                member _.On x = Linear.Composed(x[0], x[1], null)
            }
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ] ]

        rule
            "Linear, transposed"
            { new IRule with
                member _.On x = x[0].LinearTransposed(x[1])
            }
            ((fun sizes ->
                [ normal sizes.Random [ sizes.Rows; sizes.Inner ]; normal sizes.Random [ sizes.Columns; sizes.Inner ] ]))
            [ "LIN-5"; "LIN-6"; "LIN-7" ]
        |> composedOf
            { new IRule with
                member _.On x = Linear.ComposedTransposed(x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 2; 3 ] ]

        rule
            "LinearRelu"
            { new IRule with
                member _.On x = x[0].LinearRelu(x[1], x[2])
            }
            (linearAwayFromKinks)
            [ "LRE-1"; "LRE-2"; "LRE-3"; "LRE-4" ]
        |> composedOf
            { new IRule with
                member _.On x = LinearRelu.Composed(x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ]; [ 2 ] ]

        rule
            "Dropout"
            { new IRule with
                member _.On x = dropped x[0]
            }
            (onRows [])
            []
        |> composedOf
            { new IRule with
                member _.On x = Dropout.Composed(x[0], maskOf x[0])
            }
        |> emptyAt emptyRows
        |> hidesNaN

        rule
            "Embedding"
            { new IRule with
                member _.On x = (tapeOf x[0]).Embedding(ids x[0], shape [ 2; 5 ], 1.7, x[0])
            }
            (onRows [])
            []
        |> composedOf
            { new IRule with
                member _.On x = Embedding.Composed(ids x[0], shape [ 2; 5 ], 1.7, x[0])
            }

        rule
            "GlobalAveragePool"
            { new IRule with
                member _.On x = x[0].GlobalAveragePool()
            }
            ((images >> List.singleton))
            []
        |> composedOf
            { new IRule with
                member _.On x = GlobalAveragePool.Composed x[0]
            }
        |> emptyAt [ [ 0; 2; 2; 3 ] ]

        rule
            "PadShortcut"
            { new IRule with
                member _.On x = x[0].PadShortcut(2, x[0].Shape.Columns + 2)
            }
            ((images >> List.singleton))
            []
        |> composedOf
            { new IRule with
                member _.On x = PadShortcut.Composed(2, x[0].Shape.Columns + 2, x[0])
            }
        |> emptyAt [ [ 0; 2; 2; 3 ] ]

        rule
            "MaxPool2d"
            { new IRule with
                member _.On x = x[0].MaxPool2d(3, 2, 1)
            }
            ((images >> List.singleton))
            []
        |> composedOf
            { new IRule with
                member _.On x = MaxPool2d.Composed(3, 2, 1, x[0])
            }
        |> emptyAt [ [ 0; 3; 3; 2 ] ]

        rule
            "AveragePool2d"
            { new IRule with
                member _.On x = x[0].AveragePool2d(2, 2)
            }
            ((images >> List.singleton))
            []
        |> composedOf
            { new IRule with
                member _.On x = AveragePool2d.Composed(2, 2, x[0])
            }
        |> emptyAt [ [ 0; 3; 3; 2 ] ]

        rule
            "Conv2d"
            { new IRule with
                member _.On x = x[0].Conv2d(x[1], x[2], 2, 1)
            }
            (convolved)
            []
        |> composedOf
            { new IRule with
                member _.On x = Conv2d.Composed(2, 1, x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 3; 3; 2 ]; [ 3; 2; 2; 4 ]; [ 4 ] ]

        rule
            "Conv2d, without bias"
            { new IRule with
                member _.On x = x[0].Conv2d(x[1], null, 1, 0)
            }
            ((convolved >> List.take 2))
            []
        |> composedOf
            { new IRule with
                member _.On x = Conv2d.Composed(1, 0, x[0], x[1], null)
            }

        rule
            "ConvTranspose2d"
            { new IRule with
                member _.On x = x[0].ConvTranspose2d(x[1], x[2], 2, 1)
            }
            (upconvolved)
            []
        |> composedOf
            { new IRule with
                member _.On x = ConvTranspose2d.Composed(2, 1, x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 3; 3; 2 ]; [ 3; 2; 4; 2 ]; [ 4 ] ]

        rule
            "SquaredError"
            { new IRule with
                member _.On x = x[0].SquaredError(x[1])
            }
            (pair)
            []
        |> composedOf
            { new IRule with
                member _.On x = SquaredError.Composed(x[0], x[1])
            }

        rule
            "BinaryCrossEntropy"
            { new IRule with
                member _.On x = x[0].BinaryCrossEntropy 0.7
            }
            (onRows [])
            []
        |> composedOf
            { new IRule with
                member _.On x = BinaryCrossEntropy.Composed(0.7, x[0])
            }

        rule
            "CrossEntropy"
            { new IRule with
                member _.On x = x[0].CrossEntropy(classes x[0], Nullable 1, 0.1)
            }
            (onRows [])
            []
        |> composedOf
            { new IRule with
                member _.On x = CrossEntropy.Composed(classes x[0], Nullable 1, 0.1, x[0])
            }

        rule
            "Attention, 4 heads of keys, every key"
            { new IRule with
                member _.On x = first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.None, Nullable 4))
            }
            (attended 4)
            []
        |> composedOf
            { new IRule with
                member _.On x = Attention.Composed(4, 0.7, AttentionMask.None, x[0], x[1], x[2], Nullable 4)
            }

        rule
            "Attention, dropout of weights"
            { new IRule with
                member _.On x =
                    use _ = (tapeOf x[0]).Training(RandomStream 11UL)
                    first2 (x[0].Attention(x[1], x[2], 1, 0.7, AttentionMask.None, Nullable 1, 0.4))
            }
            ofOneHead
            [ "ATT-9"; "ATT-10" ]
        |> composedOf
            { new IRule with
                member _.On x =
                    let weights = dropped (second2 (x[0].Attention(x[1], x[2], 1, 0.7, AttentionMask.None)))
                    weights.Reshape(2, x[0].Shape[1], x[1].Shape[1]).MatMul(x[2])
            }
        |> hidesNaN

        rule
            "Attention, 4 heads of keys, padding"
            { new IRule with
                member _.On x = first2 (x[0].Attention(x[1], x[2], 4, 0.7, padding, Nullable 4))
            }
            (attended 4)
            []
        |> composedOf
            { new IRule with
                member _.On x = Attention.Composed(4, 0.7, padding, x[0], x[1], x[2], Nullable 4)
            }
        |> hidesNaN

        rule
            "Attention, 4 heads of keys, causal"
            { new IRule with
                member _.On x = first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.CausalFrom 1, Nullable 4))
            }
            (attended 4)
            []
        |> composedOf
            { new IRule with
                member _.On x = Attention.Composed(4, 0.7, AttentionMask.CausalFrom 1, x[0], x[1], x[2], Nullable 4)
            }

        rule
            "Attention, 2 heads of keys, every key"
            { new IRule with
                member _.On x = first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.None, Nullable 2))
            }
            (attended 2)
            []
        |> composedOf
            { new IRule with
                member _.On x = Attention.Composed(4, 0.7, AttentionMask.None, x[0], x[1], x[2], Nullable 2)
            }

        rule
            "Attention, 2 heads of keys, padding"
            { new IRule with
                member _.On x = first2 (x[0].Attention(x[1], x[2], 4, 0.7, padding, Nullable 2))
            }
            (attended 2)
            []
        |> composedOf
            { new IRule with
                member _.On x = Attention.Composed(4, 0.7, padding, x[0], x[1], x[2], Nullable 2)
            }
        |> hidesNaN

        rule
            "Attention, 2 heads of keys, causal"
            { new IRule with
                member _.On x = first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.CausalFrom 1, Nullable 2))
            }
            (attended 2)
            []
        |> composedOf
            { new IRule with
                member _.On x = Attention.Composed(4, 0.7, AttentionMask.CausalFrom 1, x[0], x[1], x[2], Nullable 2)
            }

        rule
            "Lstm, h and c"
            { new IRule with
                member _.On x = both (x[0].Lstm(x[1]))
            }
            (cell [ 4; 1 ])
            [ for i in 4..9 -> $"LSTM-{i}" ]
        |> composedOf
            { new IRule with
                member _.On x = both (Lstm.Composed(x[0], x[1]))
            }
        |> emptyAt [ [ 0; 8 ]; [ 0; 2 ] ]

        rule
            "Lstm, h"
            { new IRule with
                member _.On x = first2 (x[0].Lstm(x[1]))
            }
            (cell [ 4; 1 ])
            [ for i in 4..9 -> $"LSTM-{i}" ]
        |> composedOf
            { new IRule with
                member _.On x = first2 (Lstm.Composed(x[0], x[1]))
            }

        rule
            "Lstm, c"
            { new IRule with
                member _.On x = second2 (x[0].Lstm(x[1]))
            }
            (cell [ 4; 1 ])
            []
        |> composedOf
            { new IRule with
                member _.On x = second2 (Lstm.Composed(x[0], x[1]))
            }

        rule
            "Gru"
            { new IRule with
                member _.On x = x[0].Gru(x[1], x[2])
            }
            (cell [ 3; 3; 1 ])
            [ for i in 4..8 -> $"GRU-{i}" ]
        |> composedOf
            { new IRule with
                member _.On x = Gru.Composed(x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 6 ]; [ 0; 6 ]; [ 0; 2 ] ]

        rule
            "RmsNorm"
            { new IRule with
                member _.On x = x[0].RmsNorm(x[1], 0.1)
            }
            (fun sizes -> [ matrix sizes; normal (sizes.Random.Split "gain") [ sizes.Columns ] ])
            [ "RMS-3"; "RMS-4"; "RMS-5" ]
        |> composedOf
            { new IRule with
                member _.On x = RmsNorm.Composed(0.1, x[0], x[1])
            }
        |> emptyAt [ [ 0; 3 ]; [ 3 ] ]

        rule
            "GroupNorm"
            { new IRule with
                member _.On x = x[0].GroupNorm(3, x[1], x[2], 0.1)
            }
            (grouped)
            [ "GN-5"; "GN-6"; "GN-7"; "GN-8" ]
        |> composedOf
            { new IRule with
                member _.On x = GroupNorm.Composed(3, 0.1, x[0], x[1], x[2])
            }
        |> emptyAt [ [ 0; 2; 2; 6 ]; [ 6 ]; [ 6 ] ]

        rule
            "Rope"
            { new IRule with
                member _.On x = x[0].Rope(2, 3, 100.0)
            }
            (fun sizes -> [ normal sizes.Random [ sizes.Batch; sizes.Rows; 4 * sizes.Columns ] ])
            [ "ROPE-3" ]
        |> composedOf
            { new IRule with
                member _.On x = Rope.Composed(2, 3, 100.0, x[0])
            }
        |> emptyAt [ [ 0; 3; 4 ] ]

        rule
            "Upsample"
            { new IRule with
                member _.On x = x[0].Upsample 3
            }
            (images >> List.singleton)
            [ "UP-2" ]
        |> composedOf
            { new IRule with
                member _.On x = Upsample.Composed(3, x[0])
            }
        |> emptyAt [ [ 0; 2; 2; 3 ] ]

        rule
            "Conv2d, another padding on each side"
            { new IRule with
                member _.On x = x[0].Conv2d(x[1], x[2], 2, Padding(2, 0, 1, 3))
            }
            (convolved)
            []
        |> composedOf
            { new IRule with
                member _.On x = Conv2d.Composed(2, Padding(2, 0, 1, 3), x[0], x[1], x[2])
            }

        rule
            "ConvTranspose2d, another padding on each side"
            { new IRule with
                member _.On x = x[0].ConvTranspose2d(x[1], x[2], 2, Padding(2, 0, 1, 2))
            }
            (upconvolved)
            []
        |> composedOf
            { new IRule with
                member _.On x = ConvTranspose2d.Composed(2, Padding(2, 0, 1, 2), x[0], x[1], x[2])
            }
    ]

/// Classes of fused rules, by the files of their folders.
let private fused =
    [
        for folder in Directory.GetDirectories(Path.Combine(Equations.root, "core", "Rules")) do
            if Path.GetFileName folder <> "Elementary" then
                for file in Directory.GetFiles(folder, "*.cs") do
                    let name = nonNull (Path.GetFileNameWithoutExtension file)

                    match typeof<Forms>.Assembly.GetType $"Hybrid.Rules.{name}" with
                    | null -> ()
                    | found when found.IsPublic && found.GetMethods() |> Array.exists (fun m -> m.Name = "Forward") ->
                        name
                    | _ -> ()
    ]

[<Tests>]
let tests =
    testList
        "Rules.Law"
        [
            yield! List.map law cases

            testCase "no fused rule is left out" (fun () ->
                Expect.isNonEmpty fused "fused rules"

                Expect.equal
                    (set fused - composed ())
                    Set.empty
                    "rules without a composition that they are held to; give each a case of the law")
        ]
