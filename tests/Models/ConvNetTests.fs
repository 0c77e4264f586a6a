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

[<Tests>]
let tests =
    testList
        "Models.ConvNet"
        [
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

            testCase "sizes that are not positive and images too small to be halved twice are refused" (fun () ->
                for settings in
                    [ settings 6 5 0 2 3 4; settings 6 5 2 0 3 4; settings 6 5 2 2 -1 4; settings 6 5 2 2 3 0 ] do
                    refusesRange [ "must be positive" ] (fun () -> model settings 1UL)

                for settings in [ settings 3 5 2 2 3 4; settings 6 3 2 2 3 4 ] do
                    refusesRange [ "halved twice"; "4 rows and columns" ] (fun () -> model settings 1UL)

                refusesRange [ "more numbers than one tensor can hold" ] (fun () ->
                    model (settings 8 8 1 1 1_000_000_000 4) 1UL)

                refusesShape [ "one tensor cannot hold" ] (fun () -> model (settings 8 8 1 100_000 100_000 4) 1UL))

            testCase "the settings name a run" (fun () ->
                Expect.equal (string tiny) "ConvNet 2-3 filters 4 hidden 6x5x2 3 classes He" "words")
        ]
