module Hybrid.Tests.Rules.LayerNormTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.NormalizationLaw

let private layerNorm eps _ (x: Variable<_>[]) = x[0].LayerNorm(x[1], x[2], eps)

let private kind: NormalizationLaw.Kind =
    {
        Name = "LayerNorm"
        Line = "row"
        Double = layerNorm
        Single = layerNorm
        IsBatch = false
        Ids = [ "LN-5"; "LN-6"; "LN-7"; "LN-8" ]
        Forward =
            fun eps x gain bias -> LayerNorm.Forward(eps, zeros<float> x, zeros gain, zeros bias, Arena()) |> ignore
        Axis = "feature"
    }

let private drawn = NormalizationLaw.drawn kind

/// g (x - mean) / sqrt(variance + eps) + b, one row at a time.
let private longhand eps (x: Tensor<float>) (gain: Tensor<float>) (bias: Tensor<float>) =
    rowsOf x
    |> Array.collect (fun row ->
        let mean, std = Array.average row, sqrt (variance row + eps)
        Array.map3 (fun value g b -> g * (value - mean) / std + b) row (floats gain) (floats bias))

let private properties =
    testList
        "properties"
        [
            yield! NormalizationLaw.properties kind

            propertyUpTo 8 25 "equals the paper's equation 4, longhand" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                expectClose 1e-13 (floats (valueOf [ x; gain; bias ] (layerNorm eps))) (longhand eps x gain bias) "y"
                covers [ "LN-1"; "LN-2"; "LN-3"; "LN-4" ])

            propertyUpTo 6 25 "rows do not know of each other" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, gradients = runAlong dy [ x; gain; bias ] (layerNorm eps)

                for i in 0 .. sizes.Rows - 1 do
                    let alone, dalone = runAlong (rowAt i dy) [ rowAt i x; gain; bias ] (layerNorm eps)
                    Expect.equal (row i y) (floats alone) "y"
                    Expect.equal (row i gradients[0]) (floats dalone[0]) "dx")

            propertyUpTo 6 25 "permuting the features, gain and bias with them, permutes y" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let order = permutation sizes.Random sizes.Columns

                let mix (t: Tensor<float>) =
                    Tensor.From(
                        t.Shape,
                        ReadOnlySpan(rowsOf t |> Array.collect (fun row -> order |> Array.map (fun i -> row[i])))
                    )

                let permuted = valueOf [ mix x; mix gain; mix bias ] (layerNorm eps)
                expectClose 1e-12 (floats permuted) (floats (mix (valueOf [ x; gain; bias ] (layerNorm eps)))) "y")

            testCase "many rows, shared out over the workers, equal the sum over the same rows" (fun () ->
                let random = RandomStream 11UL
                let x, dy = normal random [ 600; 80 ], normal random [ 600; 80 ]
                let gain, bias = normal random [ 80 ], normal random [ 80 ]
                let y, gradients = runAlong dy [ x; gain; bias ] (layerNorm 1e-5)
                expectClose 1e-12 (floats y) (longhand 1e-5 x gain bias) "y"
                expectClose 1e-11 (floats gradients[2]) (rowsOf dy |> Array.reduce (Array.map2 (+))) "dbias"

                let normalized =
                    rowsOf (tensor [ 600; 80 ] (let one, nothing = plain 80 in longhand 1e-5 x one nothing))

                let products = Array.map2 (Array.map2 (*)) (rowsOf dy) normalized
                expectClose 1e-11 (floats gradients[1]) (products |> Array.reduce (Array.map2 (+))) "dgain"

                for i in 0..59..599 do
                    let _, alone = runAlong (rowAt i dy) [ rowAt i x; gain; bias ] (layerNorm 1e-5)
                    expectClose 1e-12 (row i gradients[0]) (floats alone[0]) "dx")
        ]

let private extremes =
    testList
        "extremes"
        [
            yield! NormalizationLaw.extremes kind

            testCase "an empty batch leaves the gradients of gain and bias at zero" (fun () ->
                let inputs = [ zeros<float32> [ 0; 2 ]; tensor [ 2 ] [ 1f; 1f ]; zeros [ 2 ] ]
                let y, gradients = runSingle (RandomStream 1UL) inputs (layerNorm 1e-5)
                Expect.equal y.Shape (shape [ 0; 2 ]) "y"
                Expect.all (Array.append (floats gradients[1]) (floats gradients[2])) ((=) 0.0) "gradients")
        ]

[<Tests>]
let tests =
    testList "Rules.LayerNorm" [ properties; extremes; testList "refusals" (NormalizationLaw.refusals kind) ]
