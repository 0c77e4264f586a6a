/// The law of every fused rule: it is what its composition of elementary rules says.
module Hybrid.Tests.Rules.FusedLawTests

open System
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

/// Each rule with its composition, in either precision.
let private entries () : Entry<'T> list =
    [
        fused "Sigmoid" (onRows []) [ "SIG-2" ] (fun x -> x[0].Sigmoid()) (fun x -> Sigmoid.Composed x[0])
        |> emptyAt emptyRows
        fused "Tanh" (onRows []) [ "TANH-2" ] (fun x -> x[0].Tanh()) (fun x -> Tanh.Composed x[0])
        |> emptyAt emptyRows
        fused "Relu" (onRows [ 0.0 ]) [ "RELU-2" ] (fun x -> x[0].Relu()) (fun x -> Relu.Composed x[0])
        |> emptyAt emptyRows
        fused "HardTanh" (onRows [ -1.0; 1.0 ]) [ "HTANH-2" ] (fun x -> x[0].HardTanh()) (fun x ->
            HardTanh.Composed x[0])
        |> emptyAt emptyRows
        fused "HardSigmoid" (onRows [ -3.0; 3.0 ]) [ "HSIG-2" ] (fun x -> x[0].HardSigmoid()) (fun x ->
            HardSigmoid.Composed x[0])
        |> emptyAt emptyRows
        fused "HardSwish" (onRows [ -3.0; 3.0 ]) [ "HSWI-2" ] (fun x -> x[0].HardSwish()) (fun x ->
            HardSwish.Composed x[0])
        |> emptyAt emptyRows
        fused "Selu" (onRows [ 0.0 ]) [ "SELU-2" ] (fun x -> x[0].Selu()) (fun x -> Selu.Composed x[0])
        |> emptyAt emptyRows
        fused "Softplus" (onRows []) [ "SP-2" ] (fun x -> x[0].Softplus()) (fun x -> Softplus.Composed x[0])
        |> emptyAt emptyRows
        fused "LogSigmoid" (onRows []) [ "LSIG-2" ] (fun x -> x[0].LogSigmoid()) (fun x -> LogSigmoid.Composed x[0])
        |> emptyAt emptyRows
        fused "Gelu" (onRows []) [ "GELU-2" ] (fun x -> x[0].Gelu()) (fun x -> Gelu.Composed x[0])
        |> emptyAt emptyRows
        fused "Mish" (onRows []) [ "MISH-2" ] (fun x -> x[0].Mish()) (fun x -> Mish.Composed x[0])
        |> emptyAt emptyRows
        fused "Softmax" (onRows []) [ "SM-2" ] (fun x -> x[0].Softmax()) (fun x -> Softmax.Composed x[0])
        |> emptyAt emptyRows
        fused "Gelu, tanh" (onRows []) [ "GELU-4" ] (fun x -> x[0].GeluTanh()) (fun x -> Gelu.ComposedTanh x[0])
        |> emptyAt emptyRows
        fused "LeakyRelu" (onRows [ 0.0 ]) [ "LREL-2" ] (fun x -> x[0].LeakyRelu 0.2) (fun x ->
            LeakyRelu.Composed(0.2, x[0]))
        |> emptyAt emptyRows
        fused "Elu" (onRows [ 0.0 ]) [ "ELU-2" ] (fun x -> x[0].Elu 0.7) (fun x -> Elu.Composed(0.7, x[0]))
        |> emptyAt emptyRows
        fused "Swish" (onRows []) [ "SWI-2" ] (fun x -> x[0].Swish 1.3) (fun x -> Swish.Composed(1.3, x[0]))
        |> emptyAt emptyRows
        fused "Glu" pair [ "GLU-1"; "GLU-2"; "GLU-3" ] (fun x -> x[0].Glu x[1]) (fun x -> Glu.Composed(x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]
        fused "GeGlu" pair [ "GEGLU-1"; "GEGLU-2"; "GEGLU-3" ] (fun x -> x[0].GeGlu x[1]) (fun x ->
            GeGlu.Composed(x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]
        fused "SwiGlu" pair [ "SWIGLU-1"; "SWIGLU-2"; "SWIGLU-3" ] (fun x -> x[0].SwiGlu x[1]) (fun x ->
            SwiGlu.Composed(x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]
        fused
            "PRelu"
            ((fun sizes -> onRows [ 0.0 ] sizes @ [ normal sizes.Random [ sizes.Columns ] ]))
            [ "PREL-2"; "PREL-3" ]
            (fun x -> x[0].PRelu x[1])
            (fun x -> PRelu.Composed(x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 3 ] ]
        fused
            "PRelu, one slope"
            ((fun sizes -> onRows [ 0.0 ] sizes @ [ normal sizes.Random [ 1 ] ]))
            []
            (fun x -> x[0].PRelu x[1])
            (fun x -> PRelu.Composed(x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 1 ] ]
        fused
            "Maxout"
            ((fun sizes -> [ apart sizes.Random [ sizes.Rows; 3 * sizes.Columns ] ]))
            []
            (fun x -> x[0].Maxout 3)
            (fun x -> Maxout.Composed(3, x[0]))
        |> emptyAt [ [ 0; 6 ] ]
        fused
            "LayerNorm"
            ((fun sizes -> withGainAndBias (matrix sizes) sizes.Random))
            []
            (fun x -> x[0].LayerNorm(x[1], x[2], 0.1))
            (fun x -> LayerNorm.Composed(0.1, x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 3 ]; [ 3 ]; [ 3 ] ]
        fused
            "BatchNorm"
            ((fun sizes ->
                withGainAndBias (normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]) sizes.Random))
            []
            (fun x -> first (x[0].BatchNorm(x[1], x[2], 0.1)))
            (fun x -> BatchNorm.Composed(0.1, x[0], x[1], x[2]))
        fused
            "BatchNorm, fixed"
            ((fun sizes ->
                withGainAndBias (normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]) sizes.Random))
            []
            (fun x ->
                x[0].BatchNormFixed(x[1], x[2], onTape (constantRow 0.3) x[0], onTape (constantRow 2.0) x[0], 0.1))
            (fun x ->
                BatchNorm.ComposedFixed(
                    0.1,
                    x[0],
                    x[1],
                    x[2],
                    onTape (constantRow 0.3) x[0],
                    onTape (constantRow 2.0) x[0]
                ))
        |> emptyAt [ [ 0; 3 ]; [ 3 ]; [ 3 ] ]
        fused
            "BatchNormRelu"
            ((normalizedAwayFromKinks (fun x -> BatchNorm.Composed(0.1, x[0], x[1], x[2]))))
            []
            (fun x -> first (x[0].BatchNormRelu(x[1], x[2], 0.1)))
            (fun x -> BatchNormRelu.Composed(0.1, x[0], x[1], x[2]))
        fused
            "BatchNormRelu, fixed"
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
            (fun x ->
                x[0].BatchNormReluFixed(x[1], x[2], onTape (constantRow 0.3) x[0], onTape (constantRow 2.0) x[0], 0.1))
            (fun x ->
                BatchNormRelu.ComposedFixed(
                    0.1,
                    x[0],
                    x[1],
                    x[2],
                    onTape (constantRow 0.3) x[0],
                    onTape (constantRow 2.0) x[0]
                ))
        |> emptyAt [ [ 0; 3 ]; [ 3 ]; [ 3 ] ]
        fused "Linear" linear [ "LIN-1"; "LIN-2"; "LIN-3"; "LIN-4" ] (fun x -> x[0].Linear(x[1], x[2])) (fun x ->
            Linear.Composed(x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ]; [ 2 ] ]
        fused "Linear, without bias" ((linear >> List.take 2)) [] (fun x -> x[0].Linear(x[1])) (fun x ->
            Linear.Composed(x[0], x[1], null))
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ] ]
        fused
            "Linear, transposed"
            ((fun sizes ->
                [ normal sizes.Random [ sizes.Rows; sizes.Inner ]; normal sizes.Random [ sizes.Columns; sizes.Inner ] ]))
            [ "LIN-5"; "LIN-6"; "LIN-7" ]
            (fun x -> x[0].LinearTransposed(x[1]))
            (fun x -> Linear.ComposedTransposed(x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 2; 3 ] ]
        fused
            "LinearRelu"
            (linearAwayFromKinks)
            [ "LRE-1"; "LRE-2"; "LRE-3"; "LRE-4" ]
            (fun x -> x[0].LinearRelu(x[1], x[2]))
            (fun x -> LinearRelu.Composed(x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 3 ]; [ 3; 2 ]; [ 2 ] ]
        fused "Dropout" (onRows []) [] (fun x -> dropped x[0]) (fun x -> Dropout.Composed(x[0], maskOf x[0]))
        |> emptyAt emptyRows
        |> hidesNaN
        fused
            "Embedding"
            (onRows [])
            []
            (fun x -> (tapeOf x[0]).Embedding(ids x[0], shape [ 2; 5 ], 1.7, x[0]))
            (fun x -> Embedding.Composed(ids x[0], shape [ 2; 5 ], 1.7, x[0]))
        fused "GlobalAveragePool" ((images >> List.singleton)) [] (fun x -> x[0].GlobalAveragePool()) (fun x ->
            GlobalAveragePool.Composed x[0])
        |> emptyAt [ [ 0; 2; 2; 3 ] ]
        fused
            "PadShortcut"
            ((images >> List.singleton))
            []
            (fun x -> x[0].PadShortcut(2, x[0].Shape.Columns + 2))
            (fun x -> PadShortcut.Composed(2, x[0].Shape.Columns + 2, x[0]))
        |> emptyAt [ [ 0; 2; 2; 3 ] ]
        fused "MaxPool2d" ((images >> List.singleton)) [] (fun x -> x[0].MaxPool2d(3, 2, 1)) (fun x ->
            MaxPool2d.Composed(3, 2, 1, x[0]))
        |> emptyAt [ [ 0; 3; 3; 2 ] ]
        fused "AveragePool2d" ((images >> List.singleton)) [] (fun x -> x[0].AveragePool2d(2, 2)) (fun x ->
            AveragePool2d.Composed(2, 2, x[0]))
        |> emptyAt [ [ 0; 3; 3; 2 ] ]
        fused "Conv2d" convolved [] (fun x -> x[0].Conv2d(x[1], x[2], 2, 1)) (fun x ->
            Conv2d.Composed(2, 1, x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 3; 3; 2 ]; [ 3; 2; 2; 4 ]; [ 4 ] ]
        fused "Conv2d, without bias" ((convolved >> List.take 2)) [] (fun x -> x[0].Conv2d(x[1], null, 1, 0)) (fun x ->
            Conv2d.Composed(1, 0, x[0], x[1], null))
        fused "ConvTranspose2d" upconvolved [] (fun x -> x[0].ConvTranspose2d(x[1], x[2], 2, 1)) (fun x ->
            ConvTranspose2d.Composed(2, 1, x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 3; 3; 2 ]; [ 3; 2; 4; 2 ]; [ 4 ] ]
        fused "SquaredError" pair [] (fun x -> x[0].SquaredError(x[1])) (fun x -> SquaredError.Composed(x[0], x[1]))
        fused "BinaryCrossEntropy" (onRows []) [] (fun x -> x[0].BinaryCrossEntropy 0.7) (fun x ->
            BinaryCrossEntropy.Composed(0.7, x[0]))
        fused "CrossEntropy" (onRows []) [] (fun x -> x[0].CrossEntropy(classes x[0], Nullable 1, 0.1)) (fun x ->
            CrossEntropy.Composed(classes x[0], Nullable 1, 0.1, x[0]))
        fused
            "Attention, 4 heads of keys, every key"
            (attended 4)
            []
            (fun x -> first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.None, Nullable 4)))
            (fun x -> Attention.Composed(4, 0.7, AttentionMask.None, x[0], x[1], x[2], Nullable 4))
        fused
            "Attention, dropout of weights"
            ofOneHead
            [ "ATT-9"; "ATT-10" ]
            (fun x ->
                use _ = (tapeOf x[0]).Training(RandomStream 11UL)
                first2 (x[0].Attention(x[1], x[2], 1, 0.7, AttentionMask.None, Nullable 1, 0.4)))
            (fun x ->
                let weights = dropped (second2 (x[0].Attention(x[1], x[2], 1, 0.7, AttentionMask.None)))
                weights.Reshape(2, x[0].Shape[1], x[1].Shape[1]).MatMul(x[2]))
        |> hidesNaN
        fused
            "Attention, 4 heads of keys, padding"
            (attended 4)
            []
            (fun x -> first2 (x[0].Attention(x[1], x[2], 4, 0.7, padding, Nullable 4)))
            (fun x -> Attention.Composed(4, 0.7, padding, x[0], x[1], x[2], Nullable 4))
        |> hidesNaN
        fused
            "Attention, 4 heads of keys, causal"
            (attended 4)
            []
            (fun x -> first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.CausalFrom 1, Nullable 4)))
            (fun x -> Attention.Composed(4, 0.7, AttentionMask.CausalFrom 1, x[0], x[1], x[2], Nullable 4))
        fused
            "Attention, 2 heads of keys, every key"
            (attended 2)
            []
            (fun x -> first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.None, Nullable 2)))
            (fun x -> Attention.Composed(4, 0.7, AttentionMask.None, x[0], x[1], x[2], Nullable 2))
        fused
            "Attention, 2 heads of keys, padding"
            (attended 2)
            []
            (fun x -> first2 (x[0].Attention(x[1], x[2], 4, 0.7, padding, Nullable 2)))
            (fun x -> Attention.Composed(4, 0.7, padding, x[0], x[1], x[2], Nullable 2))
        |> hidesNaN
        fused
            "Attention, 2 heads of keys, causal"
            (attended 2)
            []
            (fun x -> first2 (x[0].Attention(x[1], x[2], 4, 0.7, AttentionMask.CausalFrom 1, Nullable 2)))
            (fun x -> Attention.Composed(4, 0.7, AttentionMask.CausalFrom 1, x[0], x[1], x[2], Nullable 2))
        fused
            "Lstm, h and c"
            (cell [ 4; 1 ])
            [ for i in 4..9 -> $"LSTM-{i}" ]
            (fun x -> both (x[0].Lstm(x[1])))
            (fun x -> both (Lstm.Composed(x[0], x[1])))
        |> emptyAt [ [ 0; 8 ]; [ 0; 2 ] ]
        fused "Lstm, h" (cell [ 4; 1 ]) [ for i in 4..9 -> $"LSTM-{i}" ] (fun x -> first2 (x[0].Lstm(x[1]))) (fun x ->
            first2 (Lstm.Composed(x[0], x[1])))
        fused "Lstm, c" (cell [ 4; 1 ]) [] (fun x -> second2 (x[0].Lstm(x[1]))) (fun x ->
            second2 (Lstm.Composed(x[0], x[1])))
        fused "Gru" (cell [ 3; 3; 1 ]) [ for i in 4..8 -> $"GRU-{i}" ] (fun x -> x[0].Gru(x[1], x[2])) (fun x ->
            Gru.Composed(x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 6 ]; [ 0; 6 ]; [ 0; 2 ] ]
        fused
            "RmsNorm"
            (fun sizes -> [ matrix sizes; normal (sizes.Random.Split "gain") [ sizes.Columns ] ])
            [ "RMS-3"; "RMS-4"; "RMS-5" ]
            (fun x -> x[0].RmsNorm(x[1], 0.1))
            (fun x -> RmsNorm.Composed(0.1, x[0], x[1]))
        |> emptyAt [ [ 0; 3 ]; [ 3 ] ]
        fused
            "GroupNorm"
            (grouped)
            [ "GN-5"; "GN-6"; "GN-7"; "GN-8" ]
            (fun x -> x[0].GroupNorm(3, x[1], x[2], 0.1))
            (fun x -> GroupNorm.Composed(3, 0.1, x[0], x[1], x[2]))
        |> emptyAt [ [ 0; 2; 2; 6 ]; [ 6 ]; [ 6 ] ]
        fused
            "Rope"
            (fun sizes -> [ normal sizes.Random [ sizes.Batch; sizes.Rows; 4 * sizes.Columns ] ])
            [ "ROPE-3" ]
            (fun x -> x[0].Rope(2, 3, 100.0))
            (fun x -> Rope.Composed(2, 3, 100.0, x[0]))
        |> emptyAt [ [ 0; 3; 4 ] ]
        fused "Upsample" (images >> List.singleton) [ "UP-2" ] (fun x -> x[0].Upsample 3) (fun x ->
            Upsample.Composed(3, x[0]))
        |> emptyAt [ [ 0; 2; 2; 3 ] ]
        fused
            "Conv2d, another padding on each side"
            (convolved)
            []
            (fun x -> x[0].Conv2d(x[1], x[2], 2, Padding(2, 0, 1, 3)))
            (fun x -> Conv2d.Composed(2, Padding(2, 0, 1, 3), x[0], x[1], x[2]))
        fused
            "ConvTranspose2d, another padding on each side"
            (upconvolved)
            []
            (fun x -> x[0].ConvTranspose2d(x[1], x[2], 2, Padding(2, 0, 1, 2)))
            (fun x -> ConvTranspose2d.Composed(2, Padding(2, 0, 1, 2), x[0], x[1], x[2]))
    ]

let private cases =
    Law.cases
        { new ITable with
            member _.Entries() = entries ()
        }

[<Tests>]
let tests =
    testList
        "Rules.Law"
        [
            yield! List.map law cases
            testCase "no fused rule is left out" (fun () -> expectComplete cases ((<>) "Elementary"))
        ]
