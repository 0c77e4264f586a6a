module Hybrid.Tests.Kernels.VectorMathTests

open System
open Expecto
open Hybrid.Kernels

// Lengths that meet every tail of every vector width, with and without full vectors and groups of four before it.
let private lengths = [ yield! [ 0..70 ]; 127; 128; 129; 255; 1000 ]

/// Rows of random numbers, with one element in front and some behind that no loop may touch.
let private row (random: Random) length = Array.init (length + 40) (fun _ -> 4.0 * random.NextDouble() - 2.0)

let private near name tolerance (expected: float) (actual: float) =
    if not (abs (expected - actual) <= tolerance) then
        failtest $"{name}: expected {expected}, got {actual}"

/// Runs a map on float and double rows at an odd offset, and compares every element, and those outside, with a formula.
let private checkMap name (formula: float -> float -> float -> float) single double =
    let random = Random 1

    for length in lengths do
        let x, y, z = row random length, row random length, row random length

        let compare epsilon (x: float[]) (y: float[]) (z: float[]) (result: float[]) =
            for i in 0 .. result.Length - 1 do
                let inside = i > 0 && i <= length
                let expected = if inside then formula x[i] y[i] z[i] else z[i]
                near $"{name}, length {length}, element {i}" (if inside then epsilon * 16.0 else 0.0) expected result[i]

        let result = Array.copy z
        double length x y result
        compare 2.3e-16 x y z result

        let x, y, z = Array.map float32 x, Array.map float32 y, Array.map float32 z
        let result = Array.copy z
        single length x y result
        compare 1.2e-7 (Array.map float x) (Array.map float y) (Array.map float z) (Array.map float result)

let private bothReductions name (formula: float list -> float list -> float) single double =
    let random = Random 2

    for length in lengths do
        let x, y = row random length, row random length
        let inside (row: float[]) = List.ofArray row[1..length]
        let tolerance = float (length + 1) * 100.0
        near $"{name} of {length} doubles" (tolerance * 2.3e-16) (formula (inside x) (inside y)) (double length x y)
        let x, y = Array.map float32 x, Array.map float32 y
        let expected = formula (inside (Array.map float x)) (inside (Array.map float y))
        near $"{name} of {length} floats" (tolerance * 1.2e-7) expected (float (single length x y))

let private at length (row: 'T[]) = ReadOnlySpan<'T>(row, 1, length)
let private into length (row: 'T[]) = Span<'T>(row, 1, length)

/// Sums over rows x and y, and what they are.
let private reductions
    (number: float -> 'T)
    : (string * (float list -> float list -> float) * (int -> 'T[] -> 'T[] -> 'T)) list =
    let largest = List.fold max -infinity

    [
        "Sum", (fun x _ -> List.sum x), (fun n x _ -> VectorMath.Sum<'T>(at n x))
        "Dot", List.fold2 (fun sum x y -> sum + x * y) 0.0, (fun n x y -> VectorMath.Dot<'T>(at n x, at n y))
        // The lanes behind the end add nothing.
        "SumOfSquares from a center",
        (fun x _ -> x |> List.sumBy (fun x -> (x - 3.0) * (x - 3.0))),
        (fun n x _ -> VectorMath.SumOfSquares<'T>(at n x, number 3.0))
        "SoftmaxSums: the sum of exponentials",
        (fun x _ -> List.sumBy (fun each -> exp (each - largest x)) x),
        (fun n x _ ->
            let struct (_, sum, _) = VectorMath.SoftmaxSums<'T>(at n x)
            sum)
        "SoftmaxSums: the sum of differences",
        (fun x _ -> List.sumBy (fun each -> each - largest x) x),
        (fun n x _ ->
            let struct (_, _, sum) = VectorMath.SoftmaxSums<'T>(at n x)
            sum)
    ]

/// Maps of rows x and y into z, and what each number of z becomes.
let private maps
    (number: float -> 'T)
    : (string * (float -> float -> float -> float) * (int -> 'T[] -> 'T[] -> 'T[] -> unit)) list =
    let half, quarter = number 0.5, number 0.25

    [
        "Add in place", (fun x _ z -> x + z), (fun n x _ z -> VectorMath.Add<'T>(at n x, into n z))
        "Add", (fun x y _ -> x + y), (fun n x y z -> VectorMath.Add<'T>(at n x, at n y, into n z))
        "Copy", (fun x _ _ -> x), (fun n x _ z -> VectorMath.Copy<'T>(at n x, into n z))
        "Copy, accumulating", (fun x _ z -> z + x), (fun n x _ z -> VectorMath.Copy<'T>(at n x, into n z, true))
        "Scale", (fun x _ _ -> 0.25 * x), (fun n x _ z -> VectorMath.Scale<'T>(quarter, at n x, into n z))
        "Scale in place", (fun _ _ z -> 0.25 * z), (fun n _ _ z -> VectorMath.Scale<'T>(quarter, at n z, into n z))
        "Scale, accumulating",
        (fun x _ z -> z + 0.5 * x),
        (fun n x _ z -> VectorMath.Scale<'T>(half, at n x, into n z, true))
        "SoftmaxBackward",
        (fun x y _ -> 0.5 * x * (y - 0.25)),
        (fun n x y z -> VectorMath.SoftmaxBackward<'T>(half, at n x, at n y, quarter, into n z))
        "SoftmaxBackward, accumulating",
        (fun x y z -> z + 0.5 * x * (y - 0.25)),
        (fun n x y z -> VectorMath.SoftmaxBackward<'T>(half, at n x, at n y, quarter, into n z, true))
        "ShiftAndScale, which subtracts first",
        (fun x _ _ -> (x - 1.5) * 2.0),
        (fun n x _ z -> VectorMath.ShiftAndScale<'T>(at n x, number 1.5, number 2.0, into n z))
        "Multiply", (fun x y _ -> x * y), (fun n x y z -> VectorMath.Multiply<'T>(at n x, at n y, into n z))
        "Multiply in place", (fun x _ z -> x * z), (fun n x _ z -> VectorMath.Multiply<'T>(at n x, at n z, into n z))
        "Multiply, accumulating",
        (fun x y z -> z + x * y),
        (fun n x y z -> VectorMath.Multiply<'T>(at n x, at n y, into n z, true))
        "Relu", (fun x _ _ -> max x 0.0), (fun n x _ z -> VectorMath.Relu<'T>(at n x, into n z))
        "AddAndRelu",
        (fun x y _ -> max (x + y) 0.0),
        (fun n x y z -> VectorMath.AddAndRelu<'T>(at n x, at n y, into n z))
        "WherePositive",
        (fun x y _ -> if x > 0.0 then y else 0.0),
        (fun n x y z -> VectorMath.WherePositive<'T>(at n x, at n y, into n z))
        "WherePositive, accumulating",
        (fun x y z -> if x > 0.0 then z + y else z),
        (fun n x y z -> VectorMath.WherePositive<'T>(at n x, at n y, into n z, true))
        "Max of two rows", (fun x y _ -> max x y), (fun n x y z -> VectorMath.Max<'T>(at n x, at n y, into n z))
        "Max in place", (fun x _ z -> max x z), (fun n x _ z -> VectorMath.Max<'T>(at n x, at n z, into n z))
    ]

[<Tests>]
let tests =
    testList
        $"VectorMath ({Instructions.Path})"
        [
            for (name, formula, single), (_, _, double) in List.zip (reductions float32) (reductions id) do
                testCase $"{name}, of rows of any length, in both precisions" (fun () ->
                    bothReductions name formula single double)

            for (name, formula, single), (_, _, double) in List.zip (maps float32) (maps id) do
                testCase $"{name} follows its formula, in both precisions" (fun () ->
                    checkMap name formula single double)

            testCase "Max finds the largest element, also of a row below zero"
            <| fun _ ->
                for length in List.filter (fun length -> length > 0) lengths do
                    for at in [ 0; length / 2; length - 1 ] do
                        let x = Array.init length (fun i -> if i = at then -1.0 else -2.0)
                        Expect.equal (VectorMath.Max<float>(ReadOnlySpan x)) -1.0 $"{at} of {length} doubles"

                        Expect.equal
                            (VectorMath.Max<float32>(ReadOnlySpan(Array.map float32 x)))
                            -1f
                            $"{at} of {length} floats"

            testCase "Max of an empty row is -infinity"
            <| fun _ ->
                Expect.equal (VectorMath.Max<float32>(ReadOnlySpan<float32>())) -infinityf "float"
                Expect.equal (VectorMath.Max<float>(ReadOnlySpan<float>())) -infinity "double"

            testCase "one NaN anywhere makes Max NaN and AllFinite false, one infinity makes AllFinite false"
            <| fun _ ->
                for length in [ 1; 5; 16; 43; 64; 70; 200 ] do
                    for at in 0 .. length - 1 do
                        let x value = Array.init length (fun i -> if i = at then value else 3e38)
                        let single value = Array.map float32 (x value)

                        Expect.isTrue
                            (Double.IsNaN(VectorMath.Max<float>(ReadOnlySpan(x nan))))
                            $"{at} of {length} doubles"

                        Expect.isTrue
                            (Single.IsNaN(VectorMath.Max<float32>(ReadOnlySpan(single nan))))
                            $"{at} of {length} floats"

                        for value in [ nan; infinity; -infinity ] do
                            Expect.isFalse
                                (VectorMath.AllFinite<float>(ReadOnlySpan(x value)))
                                $"{value} at {at} of {length} doubles"

                            Expect.isFalse
                                (VectorMath.AllFinite<float32>(ReadOnlySpan(single value)))
                                $"{value} at {at} of {length} floats"

            testCase "huge, tiny and negative rows are finite"
            <| fun _ ->
                for length in lengths do
                    for value in [ 3e38; -3e38; 1e-40; -0.0 ] do
                        Expect.isTrue (VectorMath.AllFinite<float>(ReadOnlySpan(Array.create length value))) "double"

                        Expect.isTrue
                            (VectorMath.AllFinite<float32>(ReadOnlySpan(Array.create length (float32 value))))
                            "float"

            testCase "SoftmaxSums: the maximum, and what is not finite passes through"
            <| fun _ ->
                for length in lengths do
                    let x = row (Random 5) length
                    let struct (max, _, _) = VectorMath.SoftmaxSums<float>(at length x)

                    Expect.equal
                        max
                        (List.fold Operators.max -infinity (List.ofArray x[1..length]))
                        $"the maximum of {length}"

                for bad in [ nan; infinity ] do
                    let x = Array.init 40 (fun i -> if i = 37 then bad else float i)
                    let struct (_, sum, _) = VectorMath.SoftmaxSums<float>(ReadOnlySpan x)
                    Expect.isTrue (Double.IsNaN sum) $"{bad} passes through"

            testCase "Relu of NaN is NaN, of infinities infinity and 0"
            <| fun _ ->
                for length in [ 1; 16; 19 ] do
                    let apply (value: float32) =
                        let y = Array.zeroCreate<float32> length
                        VectorMath.Relu<float32>(ReadOnlySpan(Array.create length value), Span y)
                        y

                    Expect.all (apply nanf) Single.IsNaN "NaN"
                    Expect.all (apply infinityf) Single.IsPositiveInfinity "infinity"
                    Expect.all (apply -infinityf) (fun y -> y = 0f) "-infinity"

            testCase "WherePositive adds nothing at 0, below, and where x is NaN"
            <| fun _ ->
                for x in [ 0f; -0f; nanf; -infinityf ] do
                    let dx = Array.create 19 7f

                    VectorMath.WherePositive<float32>(
                        ReadOnlySpan(Array.create 19 x),
                        ReadOnlySpan(Array.create 19 nanf),
                        Span dx,
                        true
                    )

                    Expect.equal dx (Array.create 19 7f) $"x = {x}"

            testCase "Max of two rows is NaN where either is"
            <| fun _ ->
                for a, b in [ nanf, 1f; 1f, nanf ] do
                    let y = Array.zeroCreate<float32> 19
                    VectorMath.Max<float32>(ReadOnlySpan(Array.create 19 a), ReadOnlySpan(Array.create 19 b), Span y)
                    Expect.all y Single.IsNaN "NaN"

            testCase "a row shorter than x is refused, whichever it is" (fun () ->
                let long = Array.create 3 1f
                let short = Array.create 2 1f

                // Every operation on arrays, with one of them short.
                let operations: (string * int * (float32[][] -> unit)) list =
                    [
                        "Dot", 2, (fun r -> VectorMath.Dot<float32>(ReadOnlySpan r[0], ReadOnlySpan r[1]) |> ignore)
                        "ExpAndSum",
                        2,
                        (fun r -> VectorMath.ExpAndSum<float32>(ReadOnlySpan r[0], 0f, Span r[1]) |> ignore)
                        "Copy", 2, (fun r -> VectorMath.Copy<float32>(ReadOnlySpan r[0], Span r[1]))
                        "Add", 3, (fun r -> VectorMath.Add<float32>(ReadOnlySpan r[0], ReadOnlySpan r[1], Span r[2]))
                        "Max", 3, (fun r -> VectorMath.Max<float32>(ReadOnlySpan r[0], ReadOnlySpan r[1], Span r[2]))
                    ]

                for name, rows, run in operations do
                    run (Array.create rows long)

                    for at in 1 .. rows - 1 do
                        Expect.throwsT<ArgumentException>
                            (fun () -> run (Array.init rows (fun i -> if i = at then short else long)))
                            $"{name}, row {at}")
        ]
