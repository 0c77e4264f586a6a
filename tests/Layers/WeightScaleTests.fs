module Hybrid.Tests.Layers.WeightScaleTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// As the papers have them.
let private expected scale inFeatures outFeatures =
    let inFeatures, outFeatures = float inFeatures, float outFeatures

    match scale with
    | WeightScale.LeCun -> 1.0 / inFeatures
    | WeightScale.Xavier -> 2.0 / (inFeatures + outFeatures)
    | _ -> 2.0 / inFeatures

let private filled (scale: WeightScale) inFeatures outFeatures seed =
    (Initialization.op_Implicit scale)
        .Draw<float>(shape [ inFeatures; outFeatures ], RandomStream seed, inFeatures, outFeatures)

let private meanSquare (x: Tensor<_>) = floats x |> Array.averageBy (fun value -> value * value)

/// The mean square of what comes out of so many layers of 400, for rows of variance 1.
let private through scale depth (activation: Tape<float> -> Variable<float> -> Variable<float>) =
    let x = normal (RandomStream 100UL) [ 200; 400 ]
    let weights = [ for i in 1..depth -> filled scale 400 400 (uint64 i) ]

    valueOf (x :: weights) (fun tape x ->
        x |> Array.skip 1 |> Array.fold (fun y weight -> activation tape (y.Linear(weight))) x[0])
    |> meanSquare

let private identity (_: Tape<float>) (x: Variable<float>) = x

[<Tests>]
let tests =
    testList
        "Layers.WeightScale"
        [
            for scale in Enum.GetValues<WeightScale>() do
                testCase $"{scale} weights are normal numbers of mean 0 and of its variance" (fun () ->
                    for inFeatures, outFeatures in [ 64, 64; 32, 200; 300, 20 ] do
                        let variance = expected scale inFeatures outFeatures
                        Expect.equal (scale.Variance(inFeatures, outFeatures)) variance "variance"
                        let values = floats (filled scale inFeatures outFeatures 1UL)
                        let units = values |> Array.map (fun value -> value / sqrt variance)
                        let fiveErrors = 5.0 / sqrt (float units.Length)
                        // Of a normal number the square has variance 2, and the fourth power mean 3 and variance 96.
                        expectNear fiveErrors (Array.average units) 0.0 "mean"
                        expectNear (fiveErrors * sqrt 2.0) (units |> Array.averageBy (fun x -> x ** 2.0)) 1.0 "square"

                        Expect.isLessThan
                            (abs ((units |> Array.averageBy (fun x -> x ** 4.0)) - 3.0))
                            (fiveErrors * sqrt 96.0)
                            "fourth power")

            testCase "LeCun keeps the variance through linear layers, which He doubles at each" (fun () ->
                expectNear 0.1 (through WeightScale.LeCun 6 identity) 1.0 "LeCun"
                Expect.isLessThan (abs (through WeightScale.He 6 identity / 64.0 - 1.0)) 0.1 "He")

            testCase "He keeps the mean square through rectified layers, which LeCun halves at each" (fun () ->
                expectNear 0.25 (through WeightScale.He 6 (fun _ x -> x.Relu())) 1.0 "He"
                Expect.isLessThan (abs (64.0 * through WeightScale.LeCun 6 (fun _ x -> x.Relu()) - 1.0)) 0.25 "LeCun")

            testCase "Xavier takes both widths alike; between equal ones it is LeCun" (fun () ->
                Expect.equal (WeightScale.Xavier.Variance(30, 70)) (WeightScale.Xavier.Variance(70, 30)) "symmetric"
                Expect.equal (WeightScale.Xavier.Variance(50, 50)) (WeightScale.LeCun.Variance(50, 50)) "square")

            testCase "the same seed gives the same weights, in float32 those of double rounded" (fun () ->
                for scale in Enum.GetValues<WeightScale>() do
                    let one = filled scale 5 7 4UL
                    Expect.equal (floats one) (floats (filled scale 5 7 4UL)) "double"
                    Expect.notEqual (floats one) (floats (filled scale 5 7 5UL)) "another seed"
                    let start = Initialization.op_Implicit scale
                    let single = start.Draw<float32>(shape [ 5; 7 ], RandomStream 4UL, 5, 7)
                    Expect.equal (single.ToArray()) ((toSingle one).ToArray()) "float")
        ]
