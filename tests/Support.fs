/// Tensors, comparisons and properties that most tests share.
module Hybrid.Tests.Support

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors

let shape (extents: int list) = Shape(Array.ofList extents)

/// A persistent tensor of zeros; the caller names its type.
let zeros<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>>
    extents
    =
    Tensor<'T>.Zeros(shape extents)

/// A persistent tensor of the given values, in row-major order.
let tensor extents (values: 'T seq) = Tensor<'T>.From(shape extents, ReadOnlySpan(Array.ofSeq values))

/// Standard normal numbers.
let normal (random: RandomStream) extents : Tensor<float> =
    let shape = shape extents
    Tensor.From(shape, ReadOnlySpan(Array.init shape.Length (fun _ -> random.NextNormal())))

let mapTensor (f: float -> float) (x: Tensor<float>) = Tensor.From(x.Shape, ReadOnlySpan(Array.map f (x.ToArray())))

let toSingle (x: Tensor<float>) = Tensor<float32>.From(x.Shape, ReadOnlySpan(Array.map float32 (x.ToArray())))

/// Name and numbers of what a model keeps.
let (|Named|) (stored: Stored<'T>) = stored.Name, stored.Value

/// All elements as doubles, whatever the tensor holds.
let floats (x: Tensor<_>) = x.ToArray() |> Array.map (fun value -> Double.CreateChecked value)

/// a x + b y.
let combine a (x: Tensor<float>) b (y: Tensor<float>) =
    Tensor.From(x.Shape, ReadOnlySpan(Array.map2 (fun x y -> a * x + b * y) (floats x) (floats y)))

/// What stands along an axis from first on, as many as count: images of a batch, their rows, or their columns.
let part axis first count (x: Tensor<float>) =
    let extents = x.Shape.ToArray()
    let inner = Array.fold (*) 1 extents[axis + 1 ..]
    let line = extents[axis] * inner

    let values =
        floats x
        |> Array.chunkBySize (max 1 line)
        |> Array.collect (fun line -> line[first * inner .. (first + count) * inner - 1])

    extents[axis] <- count
    tensor (List.ofArray extents) values

/// The elements row by row, as doubles.
let rowsOf (x: Tensor<_>) = floats x |> Array.chunkBySize (max 1 x.Shape.Columns)

/// The elements at the positions of a permutation, row by row.
let permuteRows (order: int[]) (x: Tensor<float>) =
    let rows = rowsOf x
    Tensor.From(x.Shape, ReadOnlySpan(order |> Array.collect (fun i -> rows[i])))

let permutation (random: RandomStream) count =
    let order = Array.init count id
    random.Shuffle(Span order)
    order

/// Numbers that all lie further apart than difference steps reach, in random order.
let apart (random: RandomStream) (extents: int list) =
    let count = List.fold (*) 1 extents
    tensor extents (permutation random count |> Array.map (fun i -> 0.05 * float (i - count / 2)))

/// |actual - expected| <= tolerance * max(1, |expected|), element by element.
let expectClose tolerance (actual: float[]) (expected: float[]) message =
    Expect.equal actual.Length expected.Length $"{message}: number of elements"

    Array.zip actual expected
    |> Array.iteri (fun i (a, e) ->
        if not (abs (a - e) <= tolerance * max 1.0 (abs e)) then
            failtestf "%s: element %d is %.17g, expected %.17g within %g" message i a e tolerance)

let expectNear tolerance (actual: float) expected message = expectClose tolerance [| actual |] [| expected |] message

let expectAllFinite (x: Tensor<_>) message = Expect.all (floats x) Double.IsFinite message

/// The action throws this exception, and its message holds every fragment: the cause, and the remedy.
let refuses<'E, 'R when 'E :> exn> (fragments: string list) (action: unit -> 'R) =
    try
        action () |> ignore
        None
    with error ->
        Some error
    |> function
        | None -> failtestf "nothing was refused, expected %s" typeof<'E>.Name
        | Some error ->
            Expect.equal (error.GetType()) typeof<'E> $"kind of exception: {error.Message}"

            for fragment in fragments do
                Expect.stringContains error.Message fragment "message"

/// A shape is refused.
let refusesShape fragments action = refuses<ShapeException, _> fragments action

/// A number outside its range is refused.
let refusesRange fragments action = refuses<ArgumentOutOfRangeException, _> fragments action

/// Extents and a seed; a property that fails is shrunk to small extents and prints them.
type Sizes =
    {
        Batch: int
        Rows: int
        Inner: int
        Columns: int
        Seed: int
    }

    /// A fresh stream, the same for equal sizes.
    member sizes.Random = RandomStream(uint64 sizes.Seed)

let private sizesUpTo limit =
    let generate =
        gen {
            let! batch = Gen.choose (1, min 3 limit)
            let! rows = Gen.choose (1, limit)
            let! inner = Gen.choose (1, limit)
            let! columns = Gen.choose (1, limit)
            let! seed = Gen.choose (0, 1_000_000)
            return { Batch = batch; Rows = rows; Inner = inner; Columns = columns; Seed = seed }
        }

    let shrink sizes =
        seq {
            if sizes.Batch > 1 then
                { sizes with Batch = sizes.Batch - 1 }

            if sizes.Rows > 1 then
                { sizes with Rows = sizes.Rows - 1 }

            if sizes.Inner > 1 then
                { sizes with Inner = sizes.Inner - 1 }

            if sizes.Columns > 1 then
                { sizes with Columns = sizes.Columns - 1 }
        }

    Arb.fromGenShrink (generate, shrink)

let private config cases = { FsCheckConfig.defaultConfig with maxTest = cases; endSize = cases }

/// A property of some extents of 1 to the limit; the check throws where it does not hold.
let propertyUpTo limit cases name (check: Sizes -> unit) =
    testPropertyWithConfig (config cases) name (Prop.forAll (sizesUpTo limit) check)

/// A property of some extents of 1 to 5.
let property cases name check = propertyUpTo 5 cases name check

/// A property of values of the generator.
let propertyOf (values: Gen<'A>) cases name (check: 'A -> unit) =
    testPropertyWithConfig (config cases) name (Prop.forAll (Arb.fromGen values) check)

/// A property of whatever is drawn from a seed.
let propertyOfSeed cases name check = propertyOf (Gen.choose (0, 1_000_000)) cases name check

/// The gradient that reached a variable; zeros where none did.
let gradientOf (variable: Variable<_>) =
    match variable.Gradient with
    | null -> Tensor.Zeros variable.Value.Shape
    | gradient -> gradient.ToPersistent()

/// A tape whose memory holds NaN from an earlier step: whoever reads a number before it is written shows it.
let usedTape () : Tape<'T> =
    let tape = Tape<'T>()
    tape.Arena.Rent(1 <<< 14).Span.Fill('T.CreateChecked nan)
    tape.Clear()
    tape

/// A stretch of the pass in which it trains, without chance, or in which it evaluates.
let mode training (tape: Tape<_>) = if training then tape.Training() else tape.Evaluation()

/// The value of a function of the inputs, and the gradient of every input along the cotangent.
let runAlong (cotangent: Tensor<_>) (inputs: Tensor<_> list) (record: Tape<_> -> Variable<_>[] -> Variable<_>) =
    let tape = usedTape ()
    let variables = inputs |> List.map tape.Input |> Array.ofList
    let y = record tape variables
    tape.Backward(y, cotangent)
    y.Value.ToPersistent(), Array.map gradientOf variables

/// The value alone.
let valueOf (inputs: Tensor<_> list) (record: Tape<_> -> Variable<_>[] -> Variable<_>) =
    let tape = usedTape ()
    let y = record tape (inputs |> List.map tape.Constant |> Array.ofList)
    y.Value.ToPersistent()

/// The value, and the gradients along a cotangent drawn from the stream.
let runDouble (random: RandomStream) (inputs: Tensor<float> list) record =
    let y: Tensor<float> = valueOf inputs record
    runAlong (normal random (List.ofArray (y.Shape.ToArray()))) inputs record

/// The same in single precision.
let runSingle (random: RandomStream) (inputs: Tensor<float32> list) record =
    let y: Tensor<float32> = valueOf inputs record
    runAlong (toSingle (normal random (List.ofArray (y.Shape.ToArray())))) inputs record

/// What a linear map that is rectified in one rule computed before the rectifier.
let beforeRelu (made: Variable<float>) =
    valueOf [ for input in made.Inputs -> input.Value ] (fun _ x -> x[0].Linear(x[1], x[2]))

/// The elements of one row.
let row i (x: Tensor<_>) = Array.item i (rowsOf x)

/// One row of a matrix, as a matrix of one row.
let rowAt i (x: Tensor<float>) = tensor [ 1; x.Shape.Columns ] (row i x)
