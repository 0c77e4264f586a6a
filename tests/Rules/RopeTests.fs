module Hybrid.Tests.Rules.RopeTests

open System
open System.Numerics
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private heads = 2

let private drawn (sizes: Sizes) = [ normal sizes.Random [ sizes.Batch; sizes.Rows; heads * 2 * sizes.Columns ] ]

let private rope heads offset _ (x: Variable<_>[]) = x[0].Rope(heads, offset)

/// The pair (i, i + half) of a head as a complex number, times exp(i m theta_i).
let private longhand heads offset (x: Tensor<float>) =
    let time, features = x.Shape[-2], x.Shape.Columns
    let half = features / heads / 2

    rowsOf x
    |> Array.mapi (fun row values ->
        let m = float (offset + row % time)

        Array.init features (fun j ->
            let start, i = j / (2 * half) * 2 * half, j % half
            let angle = m * 10000.0 ** (-2.0 * float i / float (2 * half))

            let turned =
                Complex(values[start + i], values[start + i + half]) * Complex.FromPolarCoordinates(1.0, angle)

            if j - start < half then turned.Real else turned.Imaginary))
    |> Array.concat

let private dot (a: float[]) (b: float[]) = Array.fold2 (fun sum x y -> sum + x * y) 0.0 a b

let private invariants =
    testList
        "invariants"
        [
            property 25 "turns each pair as a complex number, longhand" (fun sizes ->
                let x = (drawn sizes).Head
                expectClose 1e-12 (floats (valueOf [ x ] (rope heads 7))) (longhand heads 7 x) "y"
                covers [ "ROPE-1"; "ROPE-2" ])

            property 25 "scores of queries and keys depend on how far apart they stand alone" (fun sizes ->
                let random = sizes.Random
                let extents = [ 1; sizes.Rows; 2 * sizes.Columns ]
                let q, k = normal random extents, normal random extents

                let scores offset =
                    let q, k = rowsOf (valueOf [ q ] (rope 1 offset)), rowsOf (valueOf [ k ] (rope 1 offset))

                    [|
                        for q in q do
                            for k in k -> dot q k
                    |]

                let here = scores 0

                for offset in [ 1; 17; 1000 ] do
                    expectClose 1e-11 (scores offset) here $"offset {offset}"

                // The same query and key at all positions: one score for each distance.
                let same (x: Tensor<float>) = tensor extents (Array.concat (Array.create sizes.Rows (row 0 x)))
                let q, k = rowsOf (valueOf [ same q ] (rope 1 0)), rowsOf (valueOf [ same k ] (rope 1 0))

                for m in 1 .. sizes.Rows - 1 do
                    for n in 1 .. sizes.Rows - 1 do
                        expectNear 1e-11 (dot q[m] k[n]) (dot q[m - 1] k[n - 1]) $"{m}, {n}")

            property 25 "keeps the length of every pair, and the first position as it is" (fun sizes ->
                let x = (drawn sizes).Head
                let y = valueOf [ x ] (rope heads 0)
                let half = sizes.Columns

                for before, after in Array.zip (rowsOf x) (rowsOf y) do
                    let lengths (row: float[]) =
                        row
                        |> Array.chunkBySize (2 * half)
                        |> Array.collect (fun head ->
                            Array.map2 (fun a b -> a * a + b * b) head[.. half - 1] head[half..])

                    expectClose 1e-13 (lengths after) (lengths before) "lengths"

                for image in 0 .. sizes.Batch - 1 do
                    Expect.equal (row (image * sizes.Rows) y) (row (image * sizes.Rows) x) "position 0")

            property 25 "rows from an offset on have the bits that they have in the whole sequence" (fun sizes ->
                let time = sizes.Rows + 3
                let x = normal sizes.Random [ sizes.Batch; time; 4 * sizes.Columns ]
                let y = valueOf [ x ] (rope 2 0)

                for first in 0 .. time - 1 do
                    let alone = valueOf [ part 1 first 1 x ] (rope 2 first)
                    Expect.equal (floats alone) (floats (part 1 first 1 y)) $"from {first} on")

            property 20 "heads do not know of each other" (fun sizes ->
                let x = (drawn sizes).Head
                let y = valueOf [ x ] (rope heads 2)

                for head in 0 .. heads - 1 do
                    let own (x: Tensor<float>) = part 2 (head * 2 * sizes.Columns) (2 * sizes.Columns) x
                    Expect.equal (floats (valueOf [ own x ] (rope 1 2))) (floats (own y)) $"head {head}")

            property 25 "the pullback turns back: along y itself the gradient is x" (fun sizes ->
                let x = (drawn sizes).Head
                let y = valueOf [ x ] (rope heads 5)
                let _, d = runAlong y [ x ] (rope heads 5)
                expectClose 1e-13 (floats d[0]) (floats x) "dx")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "1e4 and denormals, in float32, and positions far away" (fun () ->
                for value in [ 1e4f; -1e4f; Single.Epsilon ] do
                    let x = tensor [ 1; 2; 4 ] (List.replicate 8 value)
                    let y, d = runSingle (RandomStream 1UL) [ x ] (rope 1 1_000_000)
                    expectAllFinite y "y"
                    expectAllFinite d[0] "dx"

                let x = normal (RandomStream 2UL) [ 1; 2; 8 ]
                expectClose 1e-9 (floats (valueOf [ x ] (rope 2 1_000_000))) (longhand 2 1_000_000 x) "y")

            testCase "sequences without rows and rows without features keep their shape" (fun () ->
                for extents in [ [ 2; 0; 4 ]; [ 2; 3; 0 ] ] do
                    let y, d = runDouble (RandomStream 1UL) [ zeros extents ] (rope 2 0)
                    Expect.equal y.Shape (shape extents) "y"
                    Expect.equal d[0].Shape (shape extents) "dx")

            testCase "many rows shared by the workers equal one sequence at a time" (fun () ->
                let x = normal (RandomStream 3UL) [ 20; 30; 64 ]
                let y = valueOf [ x ] (rope 4 0)

                for sequence in 0..19 do
                    let alone = valueOf [ part 0 sequence 1 x ] (rope 4 0)
                    Expect.equal (floats alone) (floats (part 0 sequence 1 y)) $"sequence {sequence}")
        ]

let private refusals =
    let apply heads offset theta x () = Rope.Forward(heads, offset, theta, zeros<float> x, Arena())

    testList
        "refusals"
        [
            testCase "features that are no pairs of each head, and a single row, are refused" (fun () ->
                for heads, x in [ 1, [ 2; 3; 5 ]; 2, [ 2; 3; 6 ]; 3, [ 2; 3; 4 ]; 1, [ 4 ]; 1, [] ] do
                    refusesShape
                        [
                            "x must be [..., time, heads · headDim] with an even headDim"
                            $"got {shape x}"
                            $"{heads} heads"
                        ]
                        (apply heads 0 1e4 x))

            testCase "heads, offsets and bases that make no sense are refused" (fun () ->
                for heads in [ 0; -1 ] do
                    refusesRange [ "heads must be 1 or more" ] (apply heads 0 1e4 [ 2; 4 ])

                refusesRange [ "offset must be 0 or more"; "counted from 0" ] (apply 1 -1 1e4 [ 2; 4 ])

                for theta in [ 0.0; -1.0; nan; infinity ] do
                    refusesRange [ "theta must be a number above 0"; "10000" ] (apply 1 0 theta [ 2; 4 ]))
        ]

[<Tests>]
let tests = testList "Rules.Rope" [ invariants; extremes; refusals ]
