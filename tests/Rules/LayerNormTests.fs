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

let private layerNorm eps _ (x: Variable<_>[]) = x[0].LayerNorm(x[1], x[2], eps)

let private variance (row: float[]) =
    let mean = Array.average row
    row |> Array.averageBy (fun value -> (value - mean) ** 2.0)

/// Rows whose variance is not so small that a difference step would be a large part of it.
let rec private spreadRows (random: RandomStream) rows features =
    let x = normal random [ rows; features ]

    if features > 1 && rowsOf x |> Array.exists (fun row -> variance row < 0.05) then
        spreadRows random rows features
    else
        x

let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let x = spreadRows random sizes.Rows sizes.Columns
    let eps = [| 1e-5; 1e-2; 1.0 |][random.NextBelow 3]
    x, normal random [ sizes.Columns ], normal random [ sizes.Columns ], eps

/// g (x - mean) / sqrt(variance + eps) + b, one row at a time.
let private longhand eps (x: Tensor<float>) (gain: Tensor<float>) (bias: Tensor<float>) =
    rowsOf x
    |> Array.collect (fun row ->
        let mean, std = Array.average row, sqrt (variance row + eps)
        Array.map3 (fun value g b -> g * (value - mean) / std + b) row (floats gain) (floats bias))

let private plain features = tensor [ features ] (Array.create features 1.0), zeros<float> [ features ]

let private properties =
    testList
        "properties"
        [
            propertyUpTo 6 20 "the gradient agrees with central differences, gain and bias included" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                Gradients.expectRule "LayerNorm" sizes.Random [ x ] [ gain; bias ] (layerNorm eps)
                covers [ "LN-5"; "LN-6"; "LN-7"; "LN-8" ])

            property 5 "the gradient agrees with central differences on [batch, time, features]" (fun sizes ->
                let random = sizes.Random
                let x = (spreadRows random (sizes.Batch * sizes.Rows) 3).Reshape(shape [ sizes.Batch; sizes.Rows; 3 ])

                Gradients.expectRule
                    "LayerNorm"
                    random
                    [ x; normal random [ 3 ]; normal random [ 3 ] ]
                    []
                    (layerNorm 1e-5))

            propertyUpTo 8 25 "equals the paper's equation 4, longhand" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                expectClose 1e-13 (floats (valueOf [ x; gain; bias ] (layerNorm eps))) (longhand eps x gain bias) "y"
                covers [ "LN-1"; "LN-2"; "LN-3"; "LN-4" ])

            propertyUpTo 8 25 "with gain 1 and bias 0 every row has mean 0 and variance v / (v + eps)" (fun sizes ->
                let x, _, _, eps = drawn sizes
                let gain, bias = plain sizes.Columns
                let y = rowsOf (valueOf [ x; gain; bias ] (layerNorm eps))
                expectClose 1e-13 (y |> Array.map Array.average) (Array.zeroCreate sizes.Rows) "means"
                let expected = rowsOf x |> Array.map (fun row -> variance row / (variance row + eps))
                expectClose 1e-12 (y |> Array.map variance) expected "variances")

            propertyUpTo 6 25 "adding a constant to a row leaves y and the gradients unchanged" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, gradients = runAlong dy [ x; gain; bias ] (layerNorm eps)
                let shifted, dshifted = runAlong dy [ mapTensor ((+) 7.0) x; gain; bias ] (layerNorm eps)
                expectClose 1e-11 (floats shifted) (floats y) "y"

                for i in 0..2 do
                    expectClose 1e-10 (floats dshifted[i]) (floats gradients[i]) $"gradient {i}")

            propertyUpTo 6 25 "scaling x by c and eps by c squared leaves y unchanged" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let scaled = valueOf [ mapTensor ((*) 3.0) x; gain; bias ] (layerNorm (9.0 * eps))
                expectClose 1e-12 (floats scaled) (floats (valueOf [ x; gain; bias ] (layerNorm eps))) "y")

            propertyUpTo 6 25 "scaling a row leaves y unchanged where eps is negligible" (fun sizes ->
                let x, gain, bias, _ = drawn sizes
                let x = if sizes.Columns = 1 then mapTensor (fun _ -> 0.0) x else x
                let scaled = valueOf [ mapTensor ((*) 50.0) x; gain; bias ] (layerNorm 1e-12)
                expectClose 1e-9 (floats scaled) (floats (valueOf [ x; gain; bias ] (layerNorm 1e-12))) "y")

            propertyUpTo 6 25 "dx of every row sums to 0, because a shift changes nothing" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let _, gradients = runDouble sizes.Random [ x; gain; bias ] (layerNorm eps)
                expectClose 1e-11 (rowsOf gradients[0] |> Array.map Array.sum) (Array.zeroCreate sizes.Rows) "sums")

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
            testCase "in float32 at an offset of 1e4, a variance of 0.25 is still 0.25" (fun () ->
                let x = tensor [ 1; 4 ] [ 10000.5f; 9999.5f; 10000.5f; 9999.5f ]
                let y = valueOf [ x; tensor [ 4 ] (Array.create 4 1f); zeros [ 4 ] ] (layerNorm 1e-5)
                let expected = 0.5 / sqrt (0.25 + 1e-5)
                expectClose 1e-6 (floats y) [| expected; -expected; expected; -expected |] "y")

            testCase "a constant row gives the bias, and finite gradients, in both precisions" (fun () ->
                for offset in [ 0.0; 3.0; -1e4 ] do
                    let x, gain, bias =
                        tensor [ 1; 3 ] (Array.create 3 offset),
                        tensor [ 3 ] [ 1.0; 2.0; 3.0 ],
                        tensor [ 3 ] [ 4.0; 5.0; 6.0 ]

                    let y, gradients = runDouble (RandomStream 1UL) [ x; gain; bias ] (layerNorm 1e-5)
                    expectClose 1e-8 (floats y) [| 4.0; 5.0; 6.0 |] "double"
                    Array.iter (fun gradient -> expectAllFinite gradient "double") gradients

                    let y, gradients =
                        runSingle (RandomStream 1UL) (List.map toSingle [ x; gain; bias ]) (layerNorm 1e-5)

                    expectClose 1e-6 (floats y) [| 4.0; 5.0; 6.0 |] "float"
                    Array.iter (fun gradient -> expectAllFinite gradient "float") gradients)

            testCase "a row of one feature gives the bias and gradient 0 to x" (fun () ->
                let inputs = [ tensor [ 2; 1 ] [ 1e4; -1e4 ]; tensor [ 1 ] [ 2.0 ]; tensor [ 1 ] [ 5.0 ] ]
                let y, gradients = runDouble (RandomStream 1UL) inputs (layerNorm 1e-5)
                Expect.equal (floats y) [| 5.0; 5.0 |] "y"
                Expect.equal (floats gradients[0]) [| 0.0; 0.0 |] "dx")

            testCase "elements of plus and minus 1e4 are normalized, in float32" (fun () ->
                let inputs = [ tensor [ 1; 2 ] [ 1e4f; -1e4f ]; tensor [ 2 ] [ 1f; 1f ]; zeros [ 2 ] ]
                let y, gradients = runSingle (RandomStream 1UL) inputs (layerNorm 1e-5)
                expectClose 1e-6 (floats y) [| 1.0; -1.0 |] "y"
                expectAllFinite gradients[0] "dx")

            testCase "denormals vanish beside eps" (fun () ->
                let inputs =
                    [ tensor [ 1; 2 ] [ Single.Epsilon; -Single.Epsilon ]; tensor [ 2 ] [ 1f; 1f ]; zeros [ 2 ] ]

                let y, gradients = runSingle (RandomStream 1UL) inputs (layerNorm 1e-5)
                expectClose 1e-30 (floats y) [| 0.0; 0.0 |] "y"
                expectAllFinite gradients[0] "dx")

            testCase "an empty batch leaves the gradients of gain and bias at zero" (fun () ->
                let inputs = [ zeros<float32> [ 0; 2 ]; tensor [ 2 ] [ 1f; 1f ]; zeros [ 2 ] ]
                let y, gradients = runSingle (RandomStream 1UL) inputs (layerNorm 1e-5)
                Expect.equal y.Shape (shape [ 0; 2 ]) "y"
                Expect.all (Array.append (floats gradients[1]) (floats gradients[2])) ((=) 0.0) "gradients")
        ]

let private refusals =
    let apply eps x gain bias () = LayerNorm.Forward(eps, zeros<float> x, zeros gain, zeros bias, Arena())

    testList
        "refusals"
        [
            testCase "an eps that is not positive is refused" (fun () ->
                for eps in [ 0.0; -1e-5; nan ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "eps must be positive"; "variance 0" ]
                        (apply eps [ 2; 3 ] [ 3 ] [ 3 ]))

            testCase "a gain or bias of another width is refused" (fun () ->
                let remedy = "build the layer with features = 3"
                refuses<ShapeException, _> [ "gain must be [3], got [2]"; remedy ] (apply 1e-5 [ 2; 3 ] [ 2 ] [ 3 ])

                refuses<ShapeException, _>
                    [ "bias must be [3], got [1, 3]"; remedy ]
                    (apply 1e-5 [ 2; 3 ] [ 3 ] [ 1; 3 ]))

            testCase "a scalar and rows without features are refused" (fun () ->
                refuses<ShapeException, _> [ "at least one feature"; "got []" ] (apply 1e-5 [] [ 1 ] [ 1 ])
                refuses<ShapeException, _> [ "at least one feature"; "got [2, 0]" ] (apply 1e-5 [ 2; 0 ] [ 0 ] [ 0 ]))
        ]

[<Tests>]
let tests = testList "Rules.LayerNorm" [ properties; extremes; refusals ]
