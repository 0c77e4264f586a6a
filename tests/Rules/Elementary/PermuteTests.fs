module Hybrid.Tests.Rules.Elementary.PermuteTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private permute (order: int[]) _ (x: Variable<_>[]) = x[0].Permute order

/// y[i, j, ...] one element at a time.
let private longhand (order: int[]) (x: Tensor<float>) =
    let y = Tensor<float>.Zeros(Shape(order |> Array.map (fun axis -> x.Shape[axis])))

    for place in 0 .. y.Length - 1 do
        let index = Array.zeroCreate order.Length
        let mutable rest = place

        for i in order.Length - 1 .. -1 .. 0 do
            index[order[i]] <- rest % y.Shape[i]
            rest <- rest / y.Shape[i]

        y.Span[place] <- x[index]

    y

let private inverse (order: int[]) = Array.init order.Length (fun axis -> Array.IndexOf(order, axis))

/// A tensor of any rank to 5, and an order of its axes.
let private drawn seed =
    let random = RandomStream(uint64 seed)
    let rank = random.NextBelow 6
    let longest = if rank < 3 then 90 else 9
    let extents = List.init rank (fun _ -> if random.NextBelow 25 = 0 then 0 else 1 + random.NextBelow longest)
    normal random extents, permutation random rank, random

[<Tests>]
let tests =
    testList
        "Rules.Permute"
        [
            propertyOfSeed 150 "each element is where its index says, in both precisions" (fun seed ->
                let x, order, _ = drawn seed
                let expected = longhand order x
                let y = valueOf [ x ] (permute order)
                Expect.equal (y.Shape, floats y) (expected.Shape, floats expected) "double"
                let y = valueOf [ toSingle x ] (permute order)
                Expect.equal (floats y) (floats (toSingle expected)) "float"
                covers [ "PERM-1" ])

            propertyOfSeed 100 "the gradient is the cotangent with its axes back in place, added up" (fun seed ->
                let x, order, random = drawn seed
                let dy = normal random (List.ofArray ((longhand order x).Shape.ToArray()))
                let expected = longhand (inverse order) dy
                let _, dx = runAlong dy [ x ] (permute order)
                Expect.equal (dx[0].Shape, floats dx[0]) (x.Shape, floats expected) "once"
                let _, dx = runAlong dy [ x ] (fun tape x -> permute order tape x + permute order tape x)
                Expect.equal (floats dx[0]) (floats expected |> Array.map ((*) 2.0)) "twice")

            testCase "matrices larger than a block, whole and with rests, alone and many" (fun () ->
                for extents in
                    [
                        [ 200; 300 ]
                        [ 64; 128 ]
                        [ 3; 1000 ]
                        [ 1000; 3 ]
                        [ 1; 70 ]
                        [ 5; 100; 65 ]
                        [ 9; 33; 16 ]
                        [ 40; 7; 7 ]
                    ] do
                    let random = RandomStream 4UL
                    let x = normal random extents
                    let rank = extents.Length
                    let order = [| yield! [ 0 .. rank - 3 ]; rank - 1; rank - 2 |]
                    let expected = longhand order x
                    let dy = normal random (List.ofArray (expected.Shape.ToArray()))
                    let y, dx = runAlong dy [ x ] (fun _ x -> x[0].Transpose())
                    Expect.equal (floats y) (floats expected) "value"
                    Expect.equal (floats dx[0]) (floats (longhand order dy)) "gradient"
                    let y = valueOf [ toSingle x ] (fun _ x -> x[0].Transpose())
                    Expect.equal (floats y) (floats (toSingle expected)) "float"
                    let _, dx = runAlong (toSingle dy) [ toSingle x ] (fun _ x -> x[0].Transpose() + x[0].Transpose())

                    Expect.equal
                        (floats dx[0])
                        (floats (toSingle (longhand order dy)) |> Array.map ((*) 2.0))
                        "float, twice")

            propertyOfSeed 50 "an order and its inverse change nothing; axes may be counted from the end" (fun seed ->
                let x, order, _ = drawn seed
                let y = valueOf [ x ] (fun tape x -> permute (inverse order) tape [| permute order tape x |])
                Expect.equal (y.Shape, floats y) (x.Shape, floats x) "there and back"
                let fromEnd = order |> Array.map (fun axis -> axis - order.Length)

                Expect.equal
                    (floats (valueOf [ x ] (permute fromEnd)))
                    (floats (valueOf [ x ] (permute order)))
                    "from the end")

            testCase "extreme numbers and NaN pass unchanged" (fun () ->
                let values = [ nan; infinity; -0.0; Double.Epsilon; 1e300; -1e-300 ]
                let y = valueOf [ tensor [ 2; 3 ] values ] (permute [| 1; 0 |])
                let bits (x: float[]) = Array.map BitConverter.DoubleToInt64Bits x
                Expect.equal (bits (floats y)) (bits [| nan; Double.Epsilon; infinity; 1e300; -0.0; -1e-300 |]) "bits")

            testCase "x may change between the passes, and so may the caller's list of axes" (fun () ->
                let tape = Tape<float>()
                let x, order = tensor [ 2; 3 ] [ 1.0; 2.0; 3.0; 4.0; 5.0; 6.0 ], [| 1; 0 |]
                let input = tape.Input x
                let y = input.Permute order
                x.MarkChanged()
                order[0] <- 0
                tape.Backward(y, y.Value)
                Expect.equal (floats (gradientOf input)) (floats x) "gradient"

                let struct (name, recorded) = y.Operation.Attributes[0]
                Expect.equal (name, recorded :?> int[]) ("order", [| 1; 0 |]) "attribute")

            testCase "a list of axes that is no permutation is refused, with the list" (fun () ->
                let at extents order () = Permute.Forward(order, zeros<float> extents, Arena())

                for order, said in
                    [
                        [| 0; 1 |], "[0, 1]"
                        [| 0; 1; 1 |], "[0, 1, 1]"
                        [| 0; 1; 3 |], "[0, 1, 3]"
                        [| 0; 1; -1; 2 |], "[0, 1, -1, 2]"
                        [| 2; 1; -1 |], "[2, 1, -1]"
                        [| 0; 1; -4 |], "[0, 1, -4]"
                    ] do
                    refusesShape [ said; "[2, 3, 4]"; "once" ] (at [ 2; 3; 4 ] order)

                refusesShape [ "[0]"; "0 axes" ] (at [] [| 0 |]))
        ]
