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

let private f length (row: float32[]) = ReadOnlySpan<float32>(row, 1, length)
let private d length (row: float[]) = ReadOnlySpan<float>(row, 1, length)
let private toF length (row: float32[]) = Span<float32>(row, 1, length)
let private toD length (row: float[]) = Span<float>(row, 1, length)

[<Tests>]
let tests =
    testList
        $"VectorMath ({Instructions.Path})"
        [
            testCase "Sum adds up a row of any length"
            <| fun _ ->
                bothReductions "Sum" (fun x _ -> List.sum x) (fun n x _ -> VectorMath.Sum<float32>(f n x)) (fun n x _ ->
                    VectorMath.Sum<float>(d n x))

            testCase "Dot adds up the products of two rows"
            <| fun _ ->
                bothReductions
                    "Dot"
                    (List.fold2 (fun sum x y -> sum + x * y) 0.0)
                    (fun n x y -> VectorMath.Dot<float32>(f n x, f n y))
                    (fun n x y -> VectorMath.Dot<float>(d n x, d n y))

            testCase "SumOfSquares measures from its center, and the lanes behind the end add nothing"
            <| fun _ ->
                bothReductions
                    "SumOfSquares"
                    (fun x _ -> x |> List.sumBy (fun x -> (x - 3.0) * (x - 3.0)))
                    (fun n x _ -> VectorMath.SumOfSquares<float32>(f n x, 3f))
                    (fun n x _ -> VectorMath.SumOfSquares<float>(d n x, 3.0))

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

            testCase "Add in place and out of place"
            <| fun _ ->
                checkMap
                    "Add in place"
                    (fun x _ z -> x + z)
                    (fun n x _ z -> VectorMath.Add<float32>(f n x, toF n z))
                    (fun n x _ z -> VectorMath.Add<float>(d n x, toD n z))

                checkMap
                    "Add"
                    (fun x y _ -> x + y)
                    (fun n x y z -> VectorMath.Add<float32>(f n x, f n y, toF n z))
                    (fun n x y z -> VectorMath.Add<float>(d n x, d n y, toD n z))

            testCase "Copy overwrites or adds"
            <| fun _ ->
                checkMap
                    "Copy"
                    (fun x _ _ -> x)
                    (fun n x _ z -> VectorMath.Copy<float32>(f n x, toF n z))
                    (fun n x _ z -> VectorMath.Copy<float>(d n x, toD n z))

                checkMap
                    "Copy, accumulating"
                    (fun x _ z -> z + x)
                    (fun n x _ z -> VectorMath.Copy<float32>(f n x, toF n z, true))
                    (fun n x _ z -> VectorMath.Copy<float>(d n x, toD n z, true))

            testCase "Scale, accumulating, adds a multiple of a row"
            <| fun _ ->
                checkMap
                    "Scale, accumulating"
                    (fun x _ z -> z + 0.5 * x)
                    (fun n x _ z -> VectorMath.Scale<float32>(0.5f, f n x, toF n z, true))
                    (fun n x _ z -> VectorMath.Scale<float>(0.5, d n x, toD n z, true))

            testCase "SoftmaxBackward follows its formula"
            <| fun _ ->
                checkMap
                    "SoftmaxBackward"
                    (fun x y _ -> 0.5 * x * (y - 0.25))
                    (fun n x y z -> VectorMath.SoftmaxBackward<float32>(0.5f, f n x, f n y, 0.25f, toF n z))
                    (fun n x y z -> VectorMath.SoftmaxBackward<float>(0.5, d n x, d n y, 0.25, toD n z))

                checkMap
                    "SoftmaxBackward, accumulating"
                    (fun x y z -> z + 0.5 * x * (y - 0.25))
                    (fun n x y z -> VectorMath.SoftmaxBackward<float32>(0.5f, f n x, f n y, 0.25f, toF n z, true))
                    (fun n x y z -> VectorMath.SoftmaxBackward<float>(0.5, d n x, d n y, 0.25, toD n z, true))

            testCase "SoftmaxSums: maximum, sum of exponentials, sum of differences"
            <| fun _ ->
                let largest = List.fold max -infinity

                bothReductions
                    "the sum of exponentials"
                    (fun x _ -> List.sumBy (fun each -> exp (each - largest x)) x)
                    (fun n x _ ->
                        let struct (_, sum, _) = VectorMath.SoftmaxSums<float32>(f n x)
                        sum)
                    (fun n x _ ->
                        let struct (_, sum, _) = VectorMath.SoftmaxSums<float>(d n x)
                        sum)

                bothReductions
                    "the sum of differences"
                    (fun x _ -> List.sumBy (fun each -> each - largest x) x)
                    (fun n x _ ->
                        let struct (_, _, sum) = VectorMath.SoftmaxSums<float32>(f n x)
                        sum)
                    (fun n x _ ->
                        let struct (_, _, sum) = VectorMath.SoftmaxSums<float>(d n x)
                        sum)

                for length in lengths do
                    let x = row (Random 5) length
                    let struct (max, _, _) = VectorMath.SoftmaxSums<float>(d length x)
                    Expect.equal max (largest (List.ofArray x[1..length])) $"the maximum of {length}"

                for bad in [ nan; infinity ] do
                    let x = Array.init 40 (fun i -> if i = 37 then bad else float i)
                    let struct (_, sum, _) = VectorMath.SoftmaxSums<float>(ReadOnlySpan x)
                    Expect.isTrue (Double.IsNaN sum) $"{bad} passes through"

            testCase "Scale, and in place too"
            <| fun _ ->
                checkMap
                    "Scale"
                    (fun x _ _ -> 0.25 * x)
                    (fun n x _ z -> VectorMath.Scale<float32>(0.25f, f n x, toF n z))
                    (fun n x _ z -> VectorMath.Scale<float>(0.25, d n x, toD n z))

                checkMap
                    "Scale in place"
                    (fun _ _ z -> 0.25 * z)
                    (fun n _ _ z -> VectorMath.Scale<float32>(0.25f, f n z, toF n z))
                    (fun n _ _ z -> VectorMath.Scale<float>(0.25, d n z, toD n z))

            testCase "ShiftAndScale subtracts first"
            <| fun _ ->
                checkMap
                    "ShiftAndScale"
                    (fun x _ _ -> (x - 1.5) * 2.0)
                    (fun n x _ z -> VectorMath.ShiftAndScale<float32>(f n x, 1.5f, 2f, toF n z))
                    (fun n x _ z -> VectorMath.ShiftAndScale<float>(d n x, 1.5, 2.0, toD n z))

            testCase "Multiply, and in place too"
            <| fun _ ->
                checkMap
                    "Multiply"
                    (fun x y _ -> x * y)
                    (fun n x y z -> VectorMath.Multiply<float32>(f n x, f n y, toF n z))
                    (fun n x y z -> VectorMath.Multiply<float>(d n x, d n y, toD n z))

                checkMap
                    "Multiply in place"
                    (fun x _ z -> x * z)
                    (fun n x _ z -> VectorMath.Multiply<float32>(f n x, f n z, toF n z))
                    (fun n x _ z -> VectorMath.Multiply<float>(d n x, d n z, toD n z))

            testCase "Multiply, accumulating, adds the products"
            <| fun _ ->
                checkMap
                    "Multiply, accumulating"
                    (fun x y z -> z + x * y)
                    (fun n x y z -> VectorMath.Multiply<float32>(f n x, f n y, toF n z, true))
                    (fun n x y z -> VectorMath.Multiply<float>(d n x, d n y, toD n z, true))

            testCase "Relu keeps what is positive"
            <| fun _ ->
                checkMap
                    "Relu"
                    (fun x _ _ -> max x 0.0)
                    (fun n x _ z -> VectorMath.Relu<float32>(f n x, toF n z))
                    (fun n x _ z -> VectorMath.Relu<float>(d n x, toD n z))

                checkMap
                    "AddAndRelu"
                    (fun x y _ -> max (x + y) 0.0)
                    (fun n x y z -> VectorMath.AddAndRelu<float32>(f n x, f n y, toF n z))
                    (fun n x y z -> VectorMath.AddAndRelu<float>(d n x, d n y, toD n z))

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

            testCase "WherePositive passes nothing at 0, below, and where x is NaN"
            <| fun _ ->
                checkMap
                    "WherePositive"
                    (fun x y _ -> if x > 0.0 then y else 0.0)
                    (fun n x y z -> VectorMath.WherePositive<float32>(f n x, f n y, toF n z))
                    (fun n x y z -> VectorMath.WherePositive<float>(d n x, d n y, toD n z))

                checkMap
                    "WherePositive, accumulating"
                    (fun x y z -> if x > 0.0 then z + y else z)
                    (fun n x y z -> VectorMath.WherePositive<float32>(f n x, f n y, toF n z, true))
                    (fun n x y z -> VectorMath.WherePositive<float>(d n x, d n y, toD n z, true))

                for x in [ 0f; -0f; nanf; -infinityf ] do
                    let dx = Array.create 19 7f

                    VectorMath.WherePositive<float32>(
                        ReadOnlySpan(Array.create 19 x),
                        ReadOnlySpan(Array.create 19 nanf),
                        Span dx,
                        true
                    )

                    Expect.equal dx (Array.create 19 7f) $"x = {x}"

            testCase "Max of two rows, and in place too"
            <| fun _ ->
                checkMap
                    "Max"
                    (fun x y _ -> max x y)
                    (fun n x y z -> VectorMath.Max<float32>(f n x, f n y, toF n z))
                    (fun n x y z -> VectorMath.Max<float>(d n x, d n y, toD n z))

                checkMap
                    "Max in place"
                    (fun x _ z -> max x z)
                    (fun n x _ z -> VectorMath.Max<float32>(f n x, f n z, toF n z))
                    (fun n x _ z -> VectorMath.Max<float>(d n x, d n z, toD n z))

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
