module Hybrid.Tests.Layers.SinusoidalPositionsTests

open System
open Expecto
open FsCheck.FSharp
open Hybrid.Layers
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private frequency features pair = 1.0 / Math.Pow(10000.0, 2.0 * float pair / float features)

/// Positions, how far to shift, and half the number of features.
let private drawn =
    gen {
        let! position = Gen.choose (0, 200)
        let! shift = Gen.choose (0, 50)
        let! pairs = Gen.choose (1, 16)
        return position, shift, 2 * pairs
    }

[<Tests>]
let tests =
    testList
        "Layers.SinusoidalPositions"
        [
            propertyOf
                drawn
                30
                "PE(pos + k) is PE(pos) with every pair rotated by an angle that depends on k only"
                (fun (position, shift, features) ->
                    let rows = rowsOf (SinusoidalPositions.Table<float>(position + shift + 1, features))
                    let here, there = rows[position], rows[position + shift]

                    for pair in 0 .. features / 2 - 1 do
                        let angle = float shift * frequency features pair
                        let sine, cosine = here[2 * pair], here[2 * pair + 1]
                        expectNear 1e-12 there[2 * pair] (sine * cos angle + cosine * sin angle) "sine"
                        expectNear 1e-12 there[2 * pair + 1] (cosine * cos angle - sine * sin angle) "cosine"

                    covers [ "PE-1"; "PE-2" ])

            propertyOf
                drawn
                30
                "the product of two encodings depends on their distance only"
                (fun (position, shift, features) ->
                    let rows = rowsOf (SinusoidalPositions.Table<float>(position + shift + 1, features))
                    let dot a b = Array.map2 (*) a b |> Array.sum
                    expectNear 1e-11 (dot rows[position] rows[position + shift]) (dot rows[0] rows[shift]) "product"
                    expectNear 1e-11 (dot rows[position] rows[position]) (float features / 2.0) "length")

            testCase "position 0 is 0, 1, 0, 1 and position 1 starts with the sine and cosine of 1" (fun () ->
                let rows = rowsOf (SinusoidalPositions.Table<float>(2, 4))
                Expect.equal rows[0] [| 0.0; 1.0; 0.0; 1.0 |] "position 0"
                expectClose 1e-15 rows[1] [| sin 1.0; cos 1.0; sin 0.01; cos 0.01 |] "position 1")

            testCase "in float32 the table is the double one, rounded" (fun () ->
                let single = SinusoidalPositions.Table<float32>(300, 8)

                Expect.equal
                    (single.ToArray())
                    ((toSingle (SinusoidalPositions.Table<float>(300, 8))).ToArray())
                    "table")

            testCase "an odd number of features is refused" (fun () ->
                refusesShape [ "even number of features"; "got 5" ] (fun () -> SinusoidalPositions.Table<float>(3, 5)))
        ]
