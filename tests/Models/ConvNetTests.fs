module Hybrid.Tests.Models.ConvNetTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support
open Hybrid.Tests.Models.Classifiers

let private settings height width channels first second hidden =
    ConvNetSettings(
        Height = height,
        Width = width,
        Channels = channels,
        Classes = 3,
        FirstFilters = first,
        SecondFilters = second,
        Hidden = hidden
    )

let private model settings (seed: uint64) = ConvNet<float>(settings, RandomStream seed)

let private tiny = settings 6 5 2 2 3 4

/// How far apart the two largest numbers of each 2x2 window are.
let private gapsOf (x: Tensor<float>) =
    let height, width, channels = x.Shape[1], x.Shape[2], x.Shape[3]
    let values = floats x

    [
        for b in 0 .. x.Shape[0] - 1 do
            for i in 0 .. height / 2 - 1 do
                for j in 0 .. width / 2 - 1 do
                    for c in 0 .. channels - 1 do
                        let window =
                            [
                                for u in 0..1 do
                                    for v in 0..1 do
                                        values[((b * height + 2 * i + u) * width + 2 * j + v) * channels + c]
                            ]
                            |> List.sortDescending

                        window[0] - window[1]
    ]

/// How near the model comes to a place without a derivative: a rectifier at 0, or two numbers of a window both the largest.
let private distanceToKink (model: ConvNet<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    model.Logits(tape.Input x) |> ignore

    Seq.min
        [
            for pool in tape.Recorded |> Seq.filter (fun made -> made.Rule = "MaxPool2d") do
                yield! gapsOf pool.Inputs[0].Value
                yield! floats pool.Value |> Array.map abs

            yield! floats (beforeRelu (tape.Find("hidden", "LinearRelu"))) |> Array.map abs
        ]

let rec private drawn seed =
    let model = model tiny seed |> shaken seed
    let random = RandomStream(seed).Split "batch"
    let x = normal random [ 2; 60 ]

    if distanceToKink model x < 20.0 * GradCheck.Step then drawn (seed + 1UL) else model, x

[<Tests>]
let tests =
    testList
        "Models.ConvNet"
        [
            testCase "the gradients of images and parameters agree with central differences" (fun () ->
                let model, x = drawn 1UL

                Gradients.expectGradient
                    "ConvNet (model)"
                    (RandomStream 2UL)
                    [ x ]
                    (List.ofSeq model.Parameters)
                    (fun _ x -> model.Loss(x[0], [| 2; 0 |])))

            testCase "the image is halved twice, rounding down, before the linear layers" (fun () ->
                let x = normal (RandomStream 1UL) [ 2; 11 * 14 * 2 ]
                let tape = Tape<float>()
                let model = model (settings 11 14 2 3 5 7) 1UL
                model.Logits(tape.Input x) |> ignore

                Expect.equal
                    [ for made in tape.Recorded -> (made.Place, made.Rule), List.ofArray (made.Shape.ToArray()) ]
                    [
                        ("", "Reshape"), [ 2; 11; 14; 2 ]
                        ("first", "Conv2d"), [ 2; 11; 14; 3 ]
                        ("", "MaxPool2d"), [ 2; 5; 7; 3 ]
                        ("", "Relu"), [ 2; 5; 7; 3 ]
                        ("second", "Conv2d"), [ 2; 5; 7; 5 ]
                        ("", "MaxPool2d"), [ 2; 2; 3; 5 ]
                        ("", "Relu"), [ 2; 2; 3; 5 ]
                        ("", "Reshape"), [ 2; 30 ]
                        ("hidden", "LinearRelu"), [ 2; 7 ]
                        ("output", "Linear"), [ 2; 3 ]
                    ]
                    "a convolution keeps the size, a window halves it")

            property 25 "the model has as many parameters as by hand" (fun sizes ->
                let first, second, hidden = sizes.Inner, sizes.Columns, sizes.Rows
                let settings = settings 9 4 sizes.Batch first second hidden
                let byHand = 25 * sizes.Batch * first + first + 25 * first * second + second
                let linear = 2 * second * hidden + hidden + hidden * 3 + 3
                Expect.equal (model settings 1UL).ParameterCount (int64 (byHand + linear)) "by hand")

            testCase "a batch of digits is learned by heart, to a loss of nearly 0 without a mistake" (fun () ->
                let settings = ConvNetSettings(Height = 8, Width = 8, Channels = 1, Classes = 10)
                let losses, right = train (ConvNet<float32>(settings, RandomStream 1UL)) 32 60 0.02
                Expect.isLessThan (abs (losses.Head - log 10.0)) 1.0 "at the start, near ln of the classes"
                Expect.isLessThan (List.last losses) 0.02 "at the end"
                Expect.equal right 32 "answers")

            testCase "two runs with one seed are equal to the bit, with another they are not" (fun () ->
                let run seed =
                    let settings = ConvNetSettings(Height = 8, Width = 8, Channels = 1, Classes = 10)
                    let model = ConvNet<float32>(settings, RandomStream seed)
                    train model 16 4 0.02 |> fst, stateOf model |> List.map _.ToArray()

                Expect.equal (run 1UL) (run 1UL) "same seed"
                Expect.notEqual (run 1UL) (run 2UL) "another seed")

            testCase "the logits of a row depend on no other row" (fun () ->
                expectIndependentRows (model tiny 1UL |> shaken 2UL) (normal (RandomStream 3UL) [ 3; 60 ]))

            testCase "sizes that are not positive and images too small to be halved twice are refused" (fun () ->
                for settings in
                    [ settings 6 5 0 2 3 4; settings 6 5 2 0 3 4; settings 6 5 2 2 -1 4; settings 6 5 2 2 3 0 ] do
                    refuses<ArgumentOutOfRangeException, _> [ "must be positive" ] (fun () -> model settings 1UL)

                for settings in [ settings 3 5 2 2 3 4; settings 6 3 2 2 3 4 ] do
                    refuses<ArgumentOutOfRangeException, _> [ "halved twice"; "4 rows and columns" ] (fun () ->
                        model settings 1UL)

                refuses<ArgumentOutOfRangeException, _> [ "more numbers than one tensor can hold" ] (fun () ->
                    model (settings 8 8 1 1 1_000_000_000 4) 1UL)

                refuses<ShapeException, _> [ "one tensor cannot hold" ] (fun () ->
                    model (settings 8 8 1 100_000 100_000 4) 1UL))

            testCase "images of another size are refused" (fun () ->
                let tape = Tape<float>()

                refuses<ShapeException, _> [ "x must be [batch, 60]"; "[6, 5, 2]" ] (fun () ->
                    (model tiny 1UL).Logits(tape.Input(zeros [ 2; 61 ]))))

            testCase "the settings name a run" (fun () ->
                Expect.equal (string tiny) "ConvNet 2-3 filters 4 hidden 6x5x2 3 classes He" "words")
        ]
