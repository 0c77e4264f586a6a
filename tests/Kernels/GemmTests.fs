module Hybrid.Tests.Kernels.GemmTests

open System
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop
open Expecto
open FsCheck
open Hybrid.Kernels
open Hybrid.Tensors

#nowarn "9" // Memory that ends on a page is not the runtime's.

type Form =
    | NN
    | NT
    | TN

/// One precision: how to make its numbers, how to read them, and the three products.
type Precision<'T> =
    {
        Name: string
        Of: float -> 'T
        To: 'T -> float
        Epsilon: float
        Run: Form -> int * int * int -> 'T[] * int -> 'T[] * int -> 'T[] * int -> bool -> unit
    }

// Every array has one element in front that is not part of the matrix, so that rows are not aligned.
let private run form (rows, columns, inner) (a: 'T[], lda) (b: 'T[], ldb) (c: 'T[], ldc) accumulate =
    let a = ReadOnlySpan<'T>(a).Slice 1
    let b = ReadOnlySpan<'T>(b).Slice 1
    let c = Span<'T>(c).Slice 1

    match form with
    | NN -> Gemm.NN<'T>(rows, columns, inner, a, lda, b, ldb, c, ldc, accumulate)
    | NT -> Gemm.NT<'T>(rows, columns, inner, a, lda, b, ldb, c, ldc, accumulate)
    | TN -> Gemm.TN<'T>(rows, columns, inner, a, lda, b, ldb, c, ldc, accumulate)

let private single = { Name = "float"; Of = float32; To = float; Epsilon = 1.2e-7; Run = run }
let private double = { Name = "double"; Of = id; To = id; Epsilon = 2.3e-16; Run = run }

/// [rows, columns] with gaps of NaN between and behind the rows: reading one of them spoils the result, writing one is seen.
let private matrix precision rows columns stride (value: unit -> float) =
    Array.init (1 + rows * stride + 20) (fun i ->
        let inside = i > 0 && (i - 1) / stride < rows && (i - 1) % stride < columns
        precision.Of(if inside then value () else nan))

[<DllImport("libc", SetLastError = true)>]
extern nativeint private mmap(
    nativeint address,
    unativeint length,
    int protection,
    int flags,
    int file,
    nativeint offset
)

[<DllImport("libc", SetLastError = true)>]
extern int private mprotect(nativeint address, unativeint length, int protection)

[<DllImport("libc", SetLastError = true)>]
extern int private munmap(nativeint address, unativeint length)

/// Memory behind whose last byte there is none: to read or write there ends the process.
type private Guarded(bytes: int) =
    let page = Environment.SystemPageSize
    let readAndWrite, privateAndAnonymous = 3, 0x22
    let length = unativeint (bytes + page)
    let start = mmap (0n, length, readAndWrite, privateAndAnonymous, -1, 0n)

    do
        if start = -1n || mprotect (start + nativeint bytes, unativeint page, 0) <> 0 then
            failtestf "no memory to guard: error %d" (Marshal.GetLastPInvokeError())

    /// The last so many numbers.
    member _.Last count =
        let first = start + nativeint (bytes - 4 * count)
        Span<float32>(NativePtr.toVoidPtr (NativePtr.ofNativeInt<float32> first), count)

    interface IDisposable with
        member _.Dispose() = munmap (start, length) |> ignore

let private layout form (rows, columns, inner) =
    match form with
    | NN -> (rows, inner), (inner, columns)
    | NT -> (rows, inner), (columns, inner)
    | TN -> (inner, rows), (inner, columns)

let private sizeOf kind value =
    if Double.IsNaN value then "NaN"
    elif Double.IsInfinity value then string value
    else kind

/// Compares with three nested loops in double. The bound is that of any order of summation: ε inner Σ|a b|.
let private checkProduct precision form (rows, columns, inner) (gapA, gapB, gapC) accumulate (value: unit -> float) =
    let (rowsA, columnsA), (rowsB, columnsB) = layout form (rows, columns, inner)
    let lda, ldb, ldc = max 1 (columnsA + gapA), max 1 (columnsB + gapB), max 1 (columns + gapC)
    let a = matrix precision rowsA columnsA lda value
    let b = matrix precision rowsB columnsB ldb value
    let c = matrix precision rows columns ldc value
    let before = Array.map precision.To c
    precision.Run form (rows, columns, inner) (a, lda) (b, ldb) (c, ldc) accumulate

    let atA i p = precision.To a[1 + (if form = TN then p * lda + i else i * lda + p)]
    let atB p j = precision.To b[1 + (if form = NT then j * ldb + p else p * ldb + j)]

    let name () =
        $"{precision.Name} {form} {rows}x{inner}x{columns}, gaps {gapA} {gapB} {gapC}, accumulate {accumulate}"

    for index in 0 .. c.Length - 1 do
        let i, j = (index - 1) / ldc, (index - 1) % ldc
        let actual = precision.To c[index]

        if index = 0 || i >= rows || j >= columns then
            if not (Double.IsNaN actual) then
                failtest $"{name ()}: wrote {actual} outside of C, at {index}"
        else
            let mutable sum, size = (if accumulate then before[index] else 0.0), 0.0
            size <- abs sum

            for p in 0 .. inner - 1 do
                let term = atA i p * atB p j
                sum <- sum + term
                size <- size + abs term

            let right =
                if Double.IsFinite sum then
                    // The smallest normal number: where terms are denormal the error is no longer relative.
                    abs (actual - sum)
                    <= precision.Epsilon * float (inner + 2) * size + precision.To(precision.Of 1.2e-38) * 1e-6
                else
                    sizeOf "finite" sum = sizeOf "finite" actual

            if not right then
                failtest $"{name ()}: C[{i}, {j}] is {actual}, should be {sum}"

let private forms = [ NN; NT; TN ]

let private uniform (random: Random) () = 2.0 * random.NextDouble() - 1.0

/// Both precisions, all forms, overwriting and adding.
let private checkAll shape gaps seed =
    for form in forms do
        for accumulate in [ false; true ] do
            let random = Random seed
            checkProduct single form shape gaps accumulate (uniform random)
            checkProduct double form shape gaps accumulate (uniform random)

let private bits (c: float32[]) = Array.map BitConverter.SingleToInt32Bits c

let private product form (rows, columns, inner) (a: float32[]) (b: float32[]) =
    let (_, lda), (_, ldb) = layout form (rows, columns, inner)
    let c = Array.zeroCreate<float32>(1 + rows * columns)
    single.Run form (rows, columns, inner) (a, lda) (b, ldb) (c, columns) false
    c

[<Tests>]
let tests =
    testList
        $"Gemm ({Instructions.Path})"
        [
            testProperty "a product equals three nested loops, for any shape and leading dimensions"
            <| fun (NonNegativeInt rows) (NonNegativeInt columns) (NonNegativeInt inner) (seed: int) ->
                let random = Random seed
                checkAll (rows, columns, inner) (random.Next 5, random.Next 5, random.Next 5) seed

            testCase "every height of a tile meets every tail of a vector"
            <| fun _ ->
                for rows in 1..29 do
                    for columns in [ 1; 3; 4; 7; 8; 9; 15; 16; 17; 31; 32; 33; 43 ] do
                        checkAll (rows, columns, 1 + rows % 3) (rows % 2, 0, columns % 3) (rows + columns)

            testCase "products larger than a block are right"
            <| fun _ ->
                for shape in
                    [ 200, 70, 385; 30, 1100, 20; 500, 300, 40; 20, 20, 1000; 64, 64, 256; 1, 600, 800; 600, 1, 800 ] do
                    checkAll shape (0, 0, 0) 1

                checkAll (190, 290, 50) (1100, 1100, 3) 2

            testCase "a product over an empty inner dimension is zero, and adds nothing"
            <| fun _ ->
                for form in forms do
                    for rows, columns in [ 3, 5; 0, 5; 3, 0; 0, 0 ] do
                        checkProduct single form (rows, columns, 0) (1, 1, 1) false (fun () -> 1.0)
                        checkProduct double form (rows, columns, 0) (1, 1, 1) true (fun () -> 1.0)

            testProperty "NaN and infinities reach exactly the elements they belong to"
            <| fun (PositiveInt rows) (PositiveInt columns) (PositiveInt inner) (seed: int) ->
                let random = Random seed

                let value () =
                    match random.Next 60 with
                    | 0 -> nan
                    | 1 -> infinity
                    | 2 -> -infinity
                    | 3 -> 0.0
                    | _ -> uniform random ()

                for form in forms do
                    checkProduct single form (rows, columns, inner) (1, 0, 2) (random.Next 2 = 0) value
                    checkProduct double form (rows, columns, inner) (0, 1, 0) (random.Next 2 = 0) value

            testCase "C is overwritten whatever it held"
            <| fun _ ->
                let a, b, c = Array.create 13 1f, Array.create 13 1f, Array.create 17 nanf
                single.Run NN (4, 4, 3) (a, 3) (b, 4) (c, 4) false
                Expect.equal c[1..] (Array.create 16 3f) "NaN in C is gone"

            testCase "denormals are not flushed"
            <| fun _ ->
                let a, b, c = Array.create 10 1e-40f, Array.create 10 1f, Array.create 10 0f
                single.Run NN (3, 3, 3) (a, 3) (b, 3) (c, 3) false
                Expect.all c[1..] (fun value -> abs (float value - 3e-40) < 1e-44) "3e-40"

            testCase "the same product gives the same bits each time, alone or inside a body"
            <| fun _ ->
                let random = Random 3

                for rows, columns, inner in [ 300, 260, 500; 64, 512, 128; 7, 9, 11 ] do
                    for form in forms do
                        let fill length = Array.init (length + 1) (fun _ -> float32 (uniform random ()))
                        let a, b = fill (rows * inner), fill (inner * columns)
                        let first = bits (product form (rows, columns, inner) a b)

                        for _ in 1..5 do
                            Expect.equal (bits (product form (rows, columns, inner) a b)) first $"{form} again"

                        Workers.For(
                            2,
                            1,
                            fun _ _ _ ->
                                Expect.equal
                                    (bits (product form (rows, columns, inner) a b))
                                    first
                                    $"{form} inside a body"
                        )

            testCase "a product of some rows has the bits of those rows of the whole product"
            <| fun _ ->
                let random = Random 4
                let rows, columns, inner = 150, 200, 450
                let a = Array.init (1 + rows * inner) (fun _ -> float32 (uniform random ()))
                let b = Array.init (1 + inner * columns) (fun _ -> float32 (uniform random ()))
                let whole = bits (product NN (rows, columns, inner) a b)

                for some in [ 1; 5; 14; 57 ] do
                    Expect.equal (bits (product NN (some, columns, inner) a b)) whole[.. some * columns] $"{some} rows"

            testCase "many threads multiply at once without disturbing each other"
            <| fun _ ->
                let random = Random 5
                let shape = 120, 100, 300
                let a = Array.init (1 + 120 * 300) (fun _ -> float32 (uniform random ()))
                let b = Array.init (1 + 300 * 100) (fun _ -> float32 (uniform random ()))
                let expected = bits (product NN shape a b)
                let wrong = ref 0

                let threads =
                    [
                        for _ in 1..4 ->
                            Threading.Thread(fun () ->
                                for _ in 1..20 do
                                    if bits (product NN shape a b) <> expected then
                                        Threading.Interlocked.Increment wrong |> ignore)
                    ]

                for thread in threads do
                    thread.Start()

                for thread in threads do
                    thread.Join()

                Expect.equal wrong.Value 0 "products that differ"

            testCase "a span too short for its matrix is refused by name"
            <| fun _ ->
                let a, b, c = Array.create 13 1f, Array.create 13 1f, Array.create 17 0f

                let refuses name run =
                    Expect.throwsC run (fun e ->
                        Expect.equal (e :?> ArgumentException).ParamName name "the operand at fault")

                refuses "a" (fun () -> single.Run NN (5, 4, 3) (a, 3) (b, 4) (c, 4) false)
                refuses "b" (fun () -> single.Run NN (4, 4, 3) (a, 3) (b, 5) (c, 4) false)
                refuses "c" (fun () -> single.Run NN (4, 4, 3) (a, 3) (b, 4) (c, 5) false)
                refuses "a" (fun () -> single.Run NN (4, 4, 3) (a, 2) (b, 4) (c, 4) false)
                refuses "a" (fun () -> single.Run NT (5, 4, 3) (a, 3) (b, 3) (c, 4) false)
                refuses "b" (fun () -> single.Run NT (4, 5, 3) (a, 3) (b, 3) (c, 5) false)
                refuses "a" (fun () -> single.Run TN (4, 4, 4) (a, 4) (b, 4) (c, 4) false)
                refuses "b" (fun () -> single.Run TN (1, 5, 3) (a, 1) (b, 5) (c, 5) false)
                refuses "a" (fun () -> single.Run NN (1, 4, 13) (a, 13) (b, 1) (c, 4) false)
                refuses "c" (fun () -> single.Run NN (5, 1, 2) (a, 2) (b, 1) (c, 4) false)
                refuses "a" (fun () -> single.Run NN (-1, 4, 3) (a, 3) (b, 4) (c, 4) false)
                refuses "b" (fun () -> single.Run NN (4, -1, 3) (a, 3) (b, 4) (c, 4) false)

            testCase
                "where there are no rows, columns or steps, no leading dimension is too small and nothing is touched"
            <| fun _ ->
                let a, b, c = [| nan |], [| nan |], [| nan |]

                for form in [ NN; NT; TN ] do
                    for sizes in [ 0, 7, 3; 7, 0, 3; 0, 0, 3; 0, 7, 0 ] do
                        double.Run form sizes (Array.create 60 nan, 7) (Array.create 60 nan, 7) (c, 0) false
                        Expect.isTrue (Double.IsNaN c[0]) $"{form} {sizes}"

                double.Run NN (0, 0, 0) (a, 0) (b, 0) (c, 0) false
                double.Run NN (7, 0, 3) (Array.create 60 nan, 7) (Array.create 60 nan, 7) (c, 7) false

            testCase "nothing behind the end of a matrix is touched, where that memory would end the process"
            <| fun _ ->
                if OperatingSystem.IsLinux() then
                    use a = new Guarded(1 <<< 20)
                    use b = new Guarded(1 <<< 20)
                    use c = new Guarded(1 <<< 20)

                    for form in [ NN; NT; TN ] do
                        for rows in [ 1..33 ] @ [ 170 ] do
                            for columns, inner in [ 1, 1; 5, 3; 17, 2; 33, 400; 300, 130 ] do
                                let (rowsA, columnsA), (rowsB, columnsB) = layout form (rows, columns, inner)
                                let a = a.Last(rowsA * columnsA)
                                let b = b.Last(rowsB * columnsB)
                                let c = c.Last(rows * columns)
                                a.Fill 1f
                                b.Fill 2f

                                match form with
                                | NN ->
                                    Gemm.NN<float32>(rows, columns, inner, a, columnsA, b, columnsB, c, columns, false)
                                | NT ->
                                    Gemm.NT<float32>(rows, columns, inner, a, columnsA, b, columnsB, c, columns, false)
                                | TN ->
                                    Gemm.TN<float32>(rows, columns, inner, a, columnsA, b, columnsB, c, columns, false)

                                Expect.equal
                                    (c.IndexOfAnyExcept(2f * float32 inner))
                                    -1
                                    $"{form}, {rows}, {columns}, {inner}"

            testCase "several blocks of every kind: entries of large products are the dot products that they should be"
            <| fun _ ->
                // Each of two workers has more than one block of columns.
                let rows, columns, inner = 211, 2300, 800
                let random = RandomStream 3UL

                for form in [ NN; NT; TN ] do
                    let (rowsA, columnsA), (rowsB, columnsB) = layout form (rows, columns, inner)
                    let draw rows columns = Array.init (1 + rows * columns) (fun _ -> float32 (random.NextNormal()))
                    let a, b = draw rowsA columnsA, draw rowsB columnsB
                    let c = Array.create (1 + rows * columns) 1f
                    let start = Array.copy c

                    for accumulate in [ false; true ] do
                        Array.blit start 0 c 0 c.Length
                        single.Run form (rows, columns, inner) (a, columnsA) (b, columnsB) (c, columns) accumulate

                        for _ in 1..300 do
                            let i, j = random.NextBelow rows, random.NextBelow columns

                            let term p =
                                let left = if form = TN then a[1 + p * columnsA + i] else a[1 + i * columnsA + p]
                                let right = if form = NT then b[1 + j * columnsB + p] else b[1 + p * columnsB + j]
                                float left * float right

                            let wanted = Seq.sumBy term (seq { 0 .. inner - 1 }) + (if accumulate then 1.0 else 0.0)
                            let apart = abs (float c[1 + i * columns + j] - wanted)
                            Expect.isLessThan apart 1e-3 $"{form}, accumulate {accumulate}, entry {i}, {j}"
        ]
