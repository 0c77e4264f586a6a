module Hybrid.Tests.Models.ResidualMlpTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Models.Classifiers

let private settings inputs width layers residual =
    ResidualMlpSettings(Inputs = inputs, Width = width, Layers = layers, Outputs = 3, Residual = residual)

let private model inputs width layers residual (seed: uint64) =
    ResidualMlp<float>(settings inputs width layers residual, RandomStream seed)

[<Tests>]
let tests =
    testList
        "Models.ResidualMlp"
        [
            property 25 "as many parameters as by hand, with and without shortcuts" (fun sizes ->
                let inputs, width, pairs = sizes.Inner, sizes.Columns, sizes.Rows

                for residual in [ true; false ] do
                    let model = model inputs width (2 * pairs + 2) residual 1UL
                    let hidden = 2 * pairs + 1
                    let weights = inputs * width + 2 * pairs * width * width + width * 3
                    Expect.equal model.ParameterCount (int64 (weights + 2 * width * hidden + 3)) "parameters"
                    Expect.equal (Seq.length model.Buffers) (2 * hidden) "statistics"
                    Expect.equal model.Responses.Count hidden "responses"

                    let made = recorded model true (normal sizes.Random [ 2; inputs ])
                    let responses = List.ofSeq model.Responses

                    let places =
                        [
                            for (place, _), _ in made do
                                if List.contains place responses then
                                    place
                        ]

                    Expect.equal places responses "order")

            testCase "a pair whose last gain is 0 passes on what comes in; a plain one forgets it" (fun () ->
                for residual in [ true; false ] do
                    let model = model 4 3 8 residual 1UL
                    let gain = model.Parameters |> Seq.find (fun p -> p.Name = "block.1.second.norm.gain")
                    gain.Value.Span.Clear()
                    let made = recorded model true (normal (RandomStream 1UL) [ 5; 4 ])

                    /// The rectified numbers that leave a pair.
                    let leaving pair =
                        made
                        |> List.skipWhile (fun ((place, _), _) -> place <> $"block.{pair}.second.norm")
                        |> List.find (fun ((_, rule), _) -> rule = "Relu")
                        |> snd
                        |> floats

                    let after = leaving 1

                    if residual then
                        Expect.equal after (leaving 0) "residual"
                    else
                        Expect.all after ((=) 0.0) "plain")

            testCase "kept responses change no bit of loss and gradients" (fun () ->
                for residual in [ true; false ] do
                    let model = model 4 3 8 residual 1UL |> shaken 2UL
                    expectResponsesChangeNothing model (normal (RandomStream 3UL) [ 3; 4 ]) [| 0; 2; 1 |])

            testCase "networks of one seed start from the same weights, with and without shortcuts" (fun () ->
                let weights residual seed = stateOf (model 4 3 8 residual seed) |> List.map floats
                Expect.equal (weights true 1UL) (weights false 1UL) "same seed"
                Expect.notEqual (weights true 1UL) (weights true 2UL) "another seed")

            testCase "weights start with the variance of the scale" (fun () ->
                for scale in Enum.GetValues<WeightScale>() do
                    let settings =
                        ResidualMlpSettings(Inputs = 200, Width = 100, Layers = 4, Outputs = 50, Scale = scale)

                    for parameter in ResidualMlp<float>(settings, RandomStream 1UL).Parameters do
                        if parameter.Name.EndsWith "weight" then
                            let extents = parameter.Value.Shape.ToArray()
                            let scale = if parameter.Name.StartsWith "output" then WeightScale.LeCun else scale
                            let square = floats parameter.Value |> Array.averageBy (fun value -> value * value)
                            // Five standard errors of a mean of squares of normal numbers.
                            let error = 5.0 * sqrt (2.0 / float parameter.Value.Length)
                            expectNear error (square / scale.Variance(extents[0], extents[1])) 1.0 parameter.Name)

            testCase "numbers of layers that are not 2n + 2 and widths that are not positive are refused" (fun () ->
                for layers in [ 0; 2; 3; 7; -4 ] do
                    refusesRange [ "2n + 2"; "even number from 4"; $"{layers}" ] (fun () -> model 4 3 layers true 1UL)

                for inputs, width in [ 0, 3; 4, 0; 4, -1 ] do
                    refusesRange [ "must be positive" ] (fun () -> model inputs width 4 true 1UL))

            testCase "the settings name a run" (fun () ->
                Expect.equal (string (settings 64 32 6 true)) "Residual 6 layers 64-32-3 He" "residual"
                Expect.equal (string (settings 64 32 6 false)) "Plain 6 layers 64-32-3 He" "plain")
        ]
