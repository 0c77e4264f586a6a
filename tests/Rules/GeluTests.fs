module Hybrid.Tests.Rules.GeluTests

open System
open Expecto
open MathNet.Numerics
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private gelu _ (x: Variable<_>[]) = x[0].Gelu()

/// The normal distribution by another's hand.
let private probability x = 0.5 * SpecialFunctions.Erfc(-x / sqrt 2.0)

let private density x = exp (-0.5 * x * x) / sqrt (2.0 * Math.PI)

/// Points close together from far in the lower tail to far in the upper.
let private points = [| for i in -3000 .. 3000 -> float i / 200.0 |]

let private relativeError expected actual = if actual = expected then 0.0 else abs (actual - expected) / abs expected

[<Tests>]
let tests =
    testList
        "Rules.Gelu"
        [
            testCase "double: x times the probability of less, to 13 digits even in the tail" (fun () ->
                let y = floats (valueOf [ tensor [ points.Length ] points ] gelu)

                for x, y in Array.zip points y do
                    let error = relativeError (x * probability x) y
                    Expect.isLessThan error (1e-14 + 3e-15 * x * x) $"x = {x}"

                covers [ "GELU-1" ])

            testCase "float: the documented relative error, value and gradient" (fun () ->
                let xs = points |> Array.filter (fun x -> abs x < 12.0) |> Array.map float32
                let ones = tensor [ xs.Length ] (Array.create xs.Length 1f)
                let y, dx = runAlong ones [ tensor [ xs.Length ] xs ] gelu

                for x, y, slope in Array.zip3 (Array.map float xs) (floats y) (floats dx[0]) do
                    let bound = 3e-7 + 8e-8 * x * x
                    Expect.isLessThan (relativeError (x * probability x) y) bound $"value at {x}"
                    let terms = probability x + abs x * density x
                    Expect.isLessThan (abs (probability x + x * density x - slope)) (bound * terms) $"slope at {x}")

            property 25 "gelu(x) - gelu(-x) is x" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, opposite = valueOf [ x ] gelu, valueOf [ mapTensor (~-) x ] gelu
                expectClose 1e-14 (Array.map2 (-) (floats y) (floats opposite)) (floats x) "difference")

            property 25 "lies between the rectifier and 0.17 below it" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                for x, y in Array.zip (floats x) (floats (valueOf [ x ] gelu)) do
                    Expect.isTrue (y <= max x 0.0 && y >= max x 0.0 - 0.17) $"x = {x}, y = {y}")

            testCase "1e4, denormals and NaN" (fun () ->
                let values = [ 1e4f; -1e4f; Single.Epsilon; Single.NaN; Single.PositiveInfinity ]
                let y, dx = runAlong (tensor [ 5 ] (List.replicate 5 1f)) [ tensor [ 5 ] values ] gelu
                Expect.equal ((floats y).[0..1]) [| 1e4; -0.0 |] "value"
                Expect.isLessThanOrEqual y[2] Single.Epsilon "denormal"
                expectClose 1e-7 ((floats dx[0]).[0..2]) [| 1.0; 0.0; 0.5 |] "gradient"
                Expect.isTrue (Single.IsNaN y[3] && Single.IsNaN dx[0].[3]) "NaN stays NaN"
                Expect.equal y[4] Single.PositiveInfinity "infinity")
        ]
