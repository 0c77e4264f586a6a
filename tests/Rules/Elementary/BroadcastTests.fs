/// Rules of two or three tensors of different shapes, against loops that go index by index.
module Hybrid.Tests.Rules.Elementary.BroadcastTests

open System
open System.Diagnostics
open System.Reflection
open System.Runtime.InteropServices
open System.Security.Cryptography
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Shapes that broadcast to one, up to rank 5: each may lack leading axes, and have 1 where the whole has more.
let shapesOf count (random: RandomStream) limit =
    let rank = random.NextBelow 6
    let extent _ = if random.NextBelow 25 = 0 then 0 else 1 + random.NextBelow limit
    let whole = List.init rank extent

    let part () =
        let lacks = if random.NextBelow 3 = 0 then random.NextBelow(rank + 1) else 0
        whole |> List.skip lacks |> List.map (fun extent -> if random.NextBelow 3 = 0 then 1 else extent)

    List.init count (fun _ -> part ())

/// Where each element of a shape stands in a tensor that broadcasts to it.
let private places (whole: Shape) (part: Shape) =
    let place i =
        let mutable rest, place, size = i, 0, 1

        for back in 1 .. whole.Rank do
            let index = rest % whole[-back]
            rest <- rest / whole[-back]

            if back <= part.Rank then
                if part[-back] > 1 then
                    place <- place + index * size

                size <- size * part[-back]

        place

    Array.init whole.Length place

/// NumPy's rule, written down once more.
let private wholeOf (shapes: Shape list) =
    let rank = shapes |> List.map _.Rank |> List.max

    let extent i =
        let there =
            [
                for s in shapes do
                    if rank - i <= s.Rank then
                        s[i - rank]
            ]

        there |> List.tryFind ((<>) 1) |> Option.defaultValue 1

    Shape(Array.init rank extent)

type private Formula =
    {
        Name: string
        Ids: string list
        Record: Variable<float>[] -> Variable<float>
        Value: float[] -> float
        /// Of dy and the operands, for each input.
        Gradients: (float -> float[] -> float) list
    }

let private formulas =
    [
        {
            Name = "Add"
            Ids = [ "ADD-1"; "ADD-2"; "ADD-3" ]
            Record = fun x -> x[0].Add x[1]
            Value = fun x -> x[0] + x[1]
            Gradients = [ (fun dy _ -> dy); (fun dy _ -> dy) ]
        }
        {
            Name = "Subtract"
            Ids = [ "SUB-1"; "SUB-2"; "SUB-3" ]
            Record = fun x -> x[0].Subtract x[1]
            Value = fun x -> x[0] - x[1]
            Gradients = [ (fun dy _ -> dy); (fun dy _ -> -dy) ]
        }
        {
            Name = "Multiply"
            Ids = [ "MUL-1"; "MUL-2"; "MUL-3" ]
            Record = fun x -> x[0].Multiply x[1]
            Value = fun x -> x[0] * x[1]
            Gradients = [ (fun dy x -> dy * x[1]); (fun dy x -> dy * x[0]) ]
        }
        {
            Name = "Divide"
            Ids = [ "DIV-1"; "DIV-2"; "DIV-3" ]
            Record = fun x -> x[0].Divide x[1]
            Value = fun x -> x[0] / x[1]
            Gradients = [ (fun dy x -> dy / x[1]); (fun dy x -> -dy * x[0] / (x[1] * x[1])) ]
        }
        {
            Name = "Minimum"
            Ids = [ "MIN-1"; "MIN-2"; "MIN-3" ]
            Record = fun x -> x[0].Minimum x[1]
            Value = fun x -> min x[0] x[1]
            Gradients = [ (fun dy x -> if x[1] < x[0] then 0.0 else dy); (fun dy x -> if x[1] < x[0] then dy else 0.0) ]
        }
        {
            Name = "Maximum"
            Ids = [ "MAX-1"; "MAX-2"; "MAX-3" ]
            Record = fun x -> x[0].Maximum x[1]
            Value = fun x -> max x[0] x[1]
            Gradients = [ (fun dy x -> if x[1] > x[0] then 0.0 else dy); (fun dy x -> if x[1] > x[0] then dy else 0.0) ]
        }
        {
            Name = "Where"
            Ids = [ "WHERE-1"; "WHERE-2"; "WHERE-3" ]
            // The third operand is made a mask by the test.
            Record = fun x -> x[0].Where(x[2].Value, x[1])
            Value = fun x -> if x[2] = 1.0 then x[0] else x[1]
            Gradients = [ (fun dy x -> if x[2] = 1.0 then dy else 0.0); (fun dy x -> if x[2] = 1.0 then 0.0 else dy) ]
        }
    ]

/// Away from 0, so that quotients stay small.
let private operand random extents = mapTensor (fun x -> x + 0.3 * float (sign x)) (normal random extents)

let private against formula (shapes: int list list) (random: RandomStream) =
    let operands =
        shapes
        |> List.mapi (fun i extents ->
            let x = operand random extents
            if i = 2 then mapTensor (fun x -> if x > 0.0 then 1.0 else 0.0) x else x)

    let operands = if formula.Name = "Where" then operands else List.take 2 operands
    let whole = wholeOf [ for x in operands -> x.Shape ]
    let at = [| for x in operands -> places whole x.Shape |]
    let values = [| for x in operands -> x.ToArray() |]
    let row i = Array.map2 (fun (places: int[]) (values: float[]) -> values[places[i]]) at values
    let dy = normal random (List.ofArray (whole.ToArray()))

    let y, gradients = runAlong dy operands (fun _ x -> formula.Record x)
    Expect.equal y.Shape whole "shape"
    expectClose 1e-15 (floats y) (Array.init whole.Length (row >> formula.Value)) $"{formula.Name}: value"

    formula.Gradients
    |> List.iteri (fun input gradient ->
        let expected = Array.zeroCreate operands[input].Length
        let sizes = Array.zeroCreate operands[input].Length

        for i in 0 .. whole.Length - 1 do
            let term = gradient dy.Span[i] (row i)
            let place = at[input][i]
            expected[place] <- expected[place] + term
            sizes[place] <- sizes[place] + abs term

        let actual = floats gradients[input]
        Expect.equal gradients[input].Shape operands[input].Shape "shape of the gradient"

        for i in 0 .. expected.Length - 1 do
            Expect.isLessThanOrEqual
                (abs (actual[i] - expected[i]))
                (1e-13 * sizes[i])
                $"{formula.Name} of {whole}: gradient {input}, {operands[input].Shape}, element {i}")

    covers formula.Ids

/// Makes the program print its sums, for another process to compare.
let sumsArgument = "--sums-of-gradients"

/// A digest of sums of every kind: over rows, along rows, over both, of everything, of narrow rows, of several operands.
let sums () =
    let random = RandomStream 5UL
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

    for a, b in
        [
            [ 5000; 100 ], [ 100 ]
            [ 64; 128; 64 ], [ 64; 128; 1 ]
            [ 300000 ], []
            [ 64; 33; 70 ], [ 33; 1 ]
            [ 7; 5000 ], [ 7; 1 ]
            [ 3; 50000 ], [ 50000 ]
            [ 20; 32; 32; 3 ], [ 20; 1; 1; 3 ]
            [ 700; 1 ], [ 1; 700 ]
            [ 64; 100; 32 ], [ 64; 1; 32 ]
        ] do
        let a, b = toSingle (operand random a), toSingle (operand random b)

        for record in [ (fun (x: Variable<float32>[]) -> x[0] / x[1]); (fun x -> x[0] - x[1]) ] do
            let _, gradients = runSingle random [ a; b ] (fun _ x -> record x)

            for gradient in gradients do
                hash.AppendData(MemoryMarshal.AsBytes gradient.Span)

    Convert.ToHexString(hash.GetHashAndReset())

let private sumsOn threads =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ Assembly.GetExecutingAssembly().Location; sumsArgument ],
            RedirectStandardOutput = true
        )

    start.Environment["HYBRID_THREADS"] <- string<int> threads
    use child = Process.Start start |> nonNull
    let said = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    Expect.equal child.ExitCode 0 "exit code"
    said.Trim()

[<Tests>]
let tests =
    testList
        "Rules.Broadcast"
        [
            for formula in formulas do
                propertyOfSeed 60 $"{formula.Name} of any shapes is what loops compute" (fun seed ->
                    let random = RandomStream(uint64 seed)
                    against formula (shapesOf 3 random 5) random)

                testCase $"{formula.Name} of larger shapes, shared out over the workers and cut into pieces" (fun () ->
                    for extents in
                        [
                            [ [ 300; 301 ]; [ 301 ]; [ 300; 1 ] ]
                            [ [ 300; 301 ]; [ 300; 1 ]; [ 301 ] ]
                            [ [ 3; 70; 200 ]; [ 70; 1 ]; [ 3; 1; 1 ] ]
                            [ [ 3; 70; 200 ]; [ 3; 1; 200 ]; [] ]
                            [ [ 70000 ]; []; [] ]
                            [ [ 20; 900; 3 ]; [ 3 ]; [ 20; 1; 3 ] ]
                            [ [ 30000; 2 ]; [ 30000; 1 ]; [ 2 ] ]
                            [ [ 2; 40000 ]; [ 2; 1 ]; [ 40000 ] ]
                            [ [ 250; 1 ]; [ 1; 250 ]; [] ]
                            [ [ 5; 1; 7; 1 ]; [ 5; 6; 7; 300 ]; [ 6; 1; 300 ] ]
                        ] do
                        against formula extents (RandomStream 8UL))

            testCase "sums of gradients have the same bits on any number of threads" (fun () ->
                let expected = sums ()

                for threads in [ 1; 2; 3; 8 ] do
                    Expect.equal (sumsOn threads) expected $"{threads} threads")

            testCase "shapes that do not broadcast are refused, with both and the remedy" (fun () ->
                let tape = Tape<float>()

                for record in formulas do
                    for a, b in [ [ 2; 3 ], [ 4; 3 ]; [ 2; 3 ], [ 2 ]; [ 0 ], [ 3 ] ] do
                        let x = [| for extents in [ a; b; [] ] -> tape.Constant(zeros<float> extents) |]

                        refusesShape
                            [ string (shape a); string (shape b); "equal or 1"; "reshape or permute" ]
                            (fun () -> record.Record x))

            testCase
                "a shape broadcasts with itself, with a scalar, and with one that has 1 where it is empty"
                (fun () ->
                    Expect.equal (Shape.Broadcast(shape [ 2; 3 ], shape [ 2; 3 ])) (shape [ 2; 3 ]) "itself"
                    Expect.equal (Shape.Broadcast(shape [], shape [ 2; 3 ])) (shape [ 2; 3 ]) "scalar"
                    Expect.equal (Shape.Broadcast(shape [ 2; 0 ], shape [ 1 ])) (shape [ 2; 0 ]) "empty"
                    Expect.equal (Shape.Broadcast(shape [ 4; 1 ], shape [ 3; 1; 5 ])) (shape [ 3; 4; 5 ]) "both sides")
        ]
