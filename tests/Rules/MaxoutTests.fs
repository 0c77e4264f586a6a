module Hybrid.Tests.Rules.MaxoutTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private maxout pieces _ (x: Variable<_>[]) = x[0].Maxout(pieces)

/// Pieces and their extents, [batch, rows, pieces · units].
let private drawn (sizes: Sizes) = sizes.Inner, [ sizes.Batch; sizes.Rows; sizes.Inner * sizes.Columns ]

/// The same without the pieces.
let private unitsOf (sizes: Sizes) = [ sizes.Batch; sizes.Rows; sizes.Columns ]

/// Row by row: the pieces of each unit, in their order.
let private piecesOf units (row: float[]) = row |> Array.chunkBySize units |> Array.transpose

/// Rows of the pieces f₀(x), f₁(x), … of every x.
let private piecewise (functions: (float -> float) list) (x: Tensor<float>) =
    let rows =
        rowsOf x
        |> Array.collect (fun row -> functions |> List.map (fun f -> Array.map f row) |> Array.concat)

    Tensor.From(x.Shape.WithColumns(functions.Length * x.Shape.Columns), ReadOnlySpan rows)

let private properties =
    testList
        "properties"
        [
            property 20 "the gradient agrees with central differences where no two numbers are close" (fun sizes ->
                let pieces, extents = drawn sizes
                Gradients.expectRule "Maxout" sizes.Random [ apart sizes.Random extents ] [] (maxout pieces)
                covers [ "MAXO-2" ])

            property 40 "is the largest of the pieces of each unit" (fun sizes ->
                let pieces, extents = drawn sizes
                let x = normal sizes.Random extents
                let y = valueOf [ x ] (maxout pieces)
                Expect.equal y.Shape (shape (unitsOf sizes)) "shape"
                let longhand = rowsOf x |> Array.collect (piecesOf sizes.Columns >> Array.map Array.max)
                Expect.equal (floats y) longhand "y"
                covers [ "MAXO-1" ])

            property 40 "the gradient goes to the largest piece alone, and all of it" (fun sizes ->
                let pieces, extents = drawn sizes
                let x, dy = normal sizes.Random extents, normal sizes.Random (unitsOf sizes)
                let _, dx = runAlong dy [ x ] (maxout pieces)

                let longhand =
                    Array.map2
                        (fun row dy ->
                            Array.map2
                                (fun pieces dy ->
                                    pieces |> Array.map (fun x -> if x = Array.max pieces then dy else 0.0))
                                (piecesOf sizes.Columns row)
                                dy
                            |> Array.transpose
                            |> Array.concat)
                        (rowsOf x)
                        (rowsOf dy)
                    |> Array.concat

                Expect.equal (floats dx[0]) longhand "dx"
                covers [ "MAXO-2" ])

            property 25 "one piece is the identity, both ways" (fun sizes ->
                let x, dy = normal sizes.Random (unitsOf sizes), normal sizes.Random (unitsOf sizes)
                let y, dx = runAlong dy [ x ] (maxout 1)
                Expect.equal (floats y, floats dx[0]) (floats x, floats dy) "identity")

            property 25 "adding a number to all pieces adds it to y, and leaves the gradient" (fun sizes ->
                let pieces, extents = drawn sizes
                let x, dy = apart sizes.Random extents, normal sizes.Random (unitsOf sizes)
                let y, dx = runAlong dy [ x ] (maxout pieces)
                let shifted, dshifted = runAlong dy [ mapTensor ((+) 5.0) x ] (maxout pieces)
                Expect.equal (floats shifted) (floats y |> Array.map ((+) 5.0)) "y"
                Expect.equal (floats dshifted[0]) (floats dx[0]) "dx")

            property 25 "the order of the pieces is of no matter" (fun sizes ->
                let pieces, extents = drawn sizes
                let x, dy = apart sizes.Random extents, normal sizes.Random (unitsOf sizes)
                let order = permutation sizes.Random pieces

                let mixed (x: Tensor<float>) =
                    let mix (row: float[]) =
                        let inOrder = Array.chunkBySize sizes.Columns row
                        order |> Array.collect (fun p -> inOrder[p])

                    Tensor.From(x.Shape, ReadOnlySpan(rowsOf x |> Array.collect mix))

                let y, dx = runAlong dy [ x ] (maxout pieces)
                let other, dother = runAlong dy [ mixed x ] (maxout pieces)
                Expect.equal (floats other) (floats y) "y"
                Expect.equal (floats dother[0]) (floats (mixed dx[0])) "dx")

            property 25 "commutes with what grows" (fun sizes ->
                let pieces, extents = drawn sizes
                let x, grow = normal sizes.Random extents, mapTensor (fun x -> x * x * x + 2.0)
                let before, after = valueOf [ grow x ] (maxout pieces), grow (valueOf [ x ] (maxout pieces))
                Expect.equal (floats before) (floats after) "y")

            property 25 "x and -x make |x|, x and 0 a rectifier, x and a x a leaky one" (fun sizes ->
                let x = normal sizes.Random (unitsOf sizes)
                let of2 f = floats (valueOf [ piecewise [ id; f ] x ] (maxout 2))
                Expect.equal (of2 (~-)) (floats x |> Array.map abs) "|x|"

                Expect.equal (of2 (fun _ -> 0.0)) (floats (valueOf [ x ] (fun _ x -> x[0].Relu()))) "rectifier"

                for slope in [ 0.01; 0.2; 1.0 ] do
                    let leaky = valueOf [ x ] (fun _ x -> x[0].LeakyRelu(slope))
                    Expect.equal (of2 ((*) slope)) (floats leaky) $"leak of {slope}")

            property 25 "behind a linear layer it is convex" (fun sizes ->
                let random = sizes.Random
                let pieces = sizes.Inner
                let weight = normal random [ sizes.Rows; pieces * sizes.Columns ]
                let a, b = normal random [ 3; sizes.Rows ], normal random [ 3; sizes.Rows ]

                let apply x = floats (valueOf [ x; weight ] (fun _ x -> x[0].MatMul(x[1]).Maxout(pieces)))

                let t = random.NextUniform()
                let chord = Array.map2 (fun a b -> t * a + (1.0 - t) * b) (apply a) (apply b)
                let between = apply (combine t a (1.0 - t) b)
                Expect.isTrue (Array.forall2 (fun y chord -> y <= chord + 1e-12) between chord) "below the chord")
        ]

let private examples =
    testList
        "examples"
        [
            testCase "of several largest pieces the first gets the gradient" (fun () ->
                let x = tensor [ 2; 6 ] [ 1.0; 4.0; 3.0; 4.0; 3.0; 4.0; -0.0; 0.0; 0.0; -0.0; 0.0; 0.0 ]
                let y, dx = runAlong (tensor [ 2; 2 ] [ 5.0; 7.0; 11.0; 13.0 ]) [ x ] (maxout 3)
                Expect.equal (floats y) [| 3.0; 4.0; 0.0; 0.0 |] "y"
                let expected = [| 0.0; 7.0; 5.0; 0.0; 0.0; 0.0; 11.0; 13.0; 0.0; 0.0; 0.0; 0.0 |]
                Expect.equal (floats dx[0]) expected "dx; both zeros are one number")

            testCase "many rows over several workers, in single precision, with many ties" (fun () ->
                for rows, pieces, units in [ 3000, 3, 37; 700, 5, 16; 20000, 2, 1 ] do
                    let random = RandomStream 3UL
                    // Few values, so that many are equal.
                    let x =
                        toSingle (mapTensor (fun z -> Math.Round(2.0 * z)) (normal random [ rows; pieces * units ]))

                    let dy = toSingle (normal random [ rows; units ])
                    let y, dx = runAlong dy [ x ] (maxout pieces)
                    let x, dy = rowsOf x, rowsOf dy

                    let expected =
                        Array.map2
                            (fun row dy ->
                                Array.map2
                                    (fun pieces dy ->
                                        let first = Array.IndexOf(pieces, Array.max pieces)
                                        Array.init pieces.Length (fun p -> if p = first then dy else 0.0))
                                    (piecesOf units row)
                                    dy
                                |> Array.transpose
                                |> Array.concat)
                            x
                            dy

                    Expect.equal (floats y) (x |> Array.collect (piecesOf units >> Array.map Array.max)) "y"
                    Expect.equal (floats dx[0]) (Array.concat expected) "dx")

            testCase "1e4, denormals and infinities" (fun () ->
                let x = tensor [ 1; 6 ] [ 1e4f; -infinityf; Single.Epsilon; -1e4f; -1e4f; 0f ]
                let y, dx = runAlong (tensor [ 1; 3 ] [ 1f; 2f; 3f ]) [ x ] (maxout 2)
                Expect.equal (floats y) [| 1e4; -1e4; float Single.Epsilon |] "y"
                Expect.equal (floats dx[0]) [| 1.0; 0.0; 3.0; 0.0; 2.0; 0.0 |] "dx")

            testCase "NaN of any piece shows, and the first of it gets the gradient" (fun () ->
                for place in 0..2 do
                    for unit' in 0..18 do
                        let isBad p u = p >= place && p <> 1 + place && u = unit'
                        let x = Array.init 57 (fun i -> if isBad (i / 19) (i % 19) then nanf else float32 (i % 7))
                        let y, dx = runAlong (tensor [ 19 ] (Array.create 19 1f)) [ tensor [ 57 ] x ] (maxout 3)

                        for u in 0..18 do
                            Expect.equal
                                (Single.IsNaN y[u])
                                (u = unit')
                                $"unit {u}, NaN at {unit'} from piece {place} on"

                        for p in 0..2 do
                            Expect.equal (floats dx[0]).[19 * p + unit'] (if p = place then 1.0 else 0.0) $"piece {p}")

            testCase "an empty batch and no units give nothing" (fun () ->
                for extents, expected in [ [ 0; 6 ], [ 0; 2 ]; [ 4; 0 ], [ 4; 0 ] ] do
                    let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> extents ] (maxout 3)
                    Expect.equal (y.Shape, dx[0].Shape) (shape expected, shape extents) "shapes")

            testCase "no pieces, and widths that do not come apart into them, are refused" (fun () ->
                let apply pieces extents () = Maxout.Forward(pieces, zeros<float> extents, Arena())

                for pieces in [ 0; -1 ] do
                    refusesRange [ "pieces must be 1 or more" ] (apply pieces [ 2; 6 ])

                refusesShape [ "x must be [..., 4 · units], got [2, 6]"; "4 times as wide" ] (apply 4 [ 2; 6 ])

                refusesShape [ "x must be [..., 1 · units], got []" ] (apply 1 []))
        ]

[<Tests>]
let tests = testList "Rules.Maxout" [ properties; examples ]
