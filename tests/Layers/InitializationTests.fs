module Hybrid.Tests.Layers.InitializationTests

open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Tensors
open Hybrid.Tests.Support

let private moments (x: Tensor<_>) =
    let values = floats x
    let mean = Array.average values
    mean, values |> Array.averageBy (fun value -> (value - mean) ** 2.0)

/// Five standard errors of the mean of so many numbers of variance 1.
let private fiveErrors (x: Tensor<_>) = 5.0 / sqrt (float x.Length)

[<Tests>]
let tests =
    testList
        "Layers.Initialization"
        [
            testCase "Xavier weights lie within the root of 6 / (in + out), with variance 2 / (in + out)" (fun () ->
                for inFeatures, outFeatures in [ 64, 64; 32, 200; 300, 20 ] do
                    let x =
                        Initialization.XavierUniform.Draw<float>(
                            shape [ inFeatures; outFeatures ],
                            RandomStream 1UL,
                            inFeatures,
                            outFeatures
                        )

                    let limit = sqrt (6.0 / float (inFeatures + outFeatures))
                    let mean, variance = moments x
                    Expect.equal x.Shape (shape [ inFeatures; outFeatures ]) "shape"
                    Expect.all (floats x) (fun value -> abs value <= limit) "limit"
                    Expect.isGreaterThan (Array.max (floats x)) (0.99 * limit) "reaches the limit"
                    let expected = 2.0 / float (inFeatures + outFeatures)
                    Expect.isLessThan (abs mean) (fiveErrors x * sqrt expected) "mean"
                    // The variance of the square of a uniform number is 4/5 of its variance squared.
                    Expect.isLessThan (abs (variance / expected - 1.0)) (fiveErrors x * sqrt 0.8) "variance")

            testCase "Xavier weights keep the variance of a square layer's input" (fun () ->
                let random = RandomStream 2UL
                let layer = Linear<float>(128, 128, random, false)
                let tape = Hybrid.Autodiff.Tape<float>()
                let x = normal random [ 200; 128 ]
                let _, variance = moments (layer.Apply(tape.Constant x).Value)
                Expect.isLessThan (abs (variance - 1.0)) 0.1 "variance")

            testCase "normal weights have the standard deviation that was asked for" (fun () ->
                let x = Initialization.Normal(0.02).Draw<float32>(shape [ 100; 100 ], RandomStream 3UL)
                let mean, variance = moments x
                Expect.isLessThan (abs mean) (0.02 * fiveErrors x) "mean"
                Expect.isLessThan (abs (variance / 0.0004 - 1.0)) (fiveErrors x * sqrt 2.0) "variance")

            testCase "the same seed gives the same weights, in float32 those of double rounded" (fun () ->
                let make () = Initialization.XavierUniform.Draw<float>(shape [ 5; 7 ], RandomStream 4UL, 5, 7)
                Expect.equal (floats (make ())) (floats (make ())) "double"
                let single = Initialization.XavierUniform.Draw<float32>(shape [ 5; 7 ], RandomStream 4UL, 5, 7)
                Expect.equal (single.ToArray()) ((toSingle (make ())).ToArray()) "float")

            testCase "a constant is the same number everywhere, and the result is persistent" (fun () ->
                let x = Initialization.Constant(0.5).Draw<float>(shape [ 2; 2 ], RandomStream 1UL)
                Expect.equal (floats x) (Array.create 4 0.5) "values"
                Expect.isTrue x.IsPersistent "persistent")
        ]
