module Hybrid.Tests.Data.ExamplesTests

open System
open System.IO
open Expecto
open Hybrid.Data
open Hybrid.Memory
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

let private folder = Path.Combine(Hybrid.Tests.Equations.root, "scripts", "data")

let private draw (random: RandomStream) count features classes =
    let inputs = toSingle (normal random [ count; features ])
    Examples(inputs, Array.init count (fun _ -> random.NextBelow classes), classes)

let private table (text: string) = withBytes (Text.Encoding.UTF8.GetBytes text) (fun path -> NumberTable.Read(path, 0))

let private fromTable classes scale text = Examples.FromTable(table text, classes, scale)

let private images set part =
    let read name = IdxFile.Read(Path.Combine(folder, set, $"{part}-{name}-ubyte.gz"))
    Examples.FromIdx(read "images-idx3", read "labels-idx1", 10)

let private making =
    testList
        "making"
        [
            testCase "images are flattened and divided by 255" (fun () ->
                let images = IdxArray([| 2; 2; 2 |], [| 0uy; 255uy; 51uy; 0uy; 1uy; 0uy; 0uy; 102uy |])
                let examples = Examples.FromIdx(images, IdxArray([| 2 |], [| 3uy; 0uy |]), 4)
                Expect.equal (examples.Count, examples.Features, examples.Classes) (2, 4, 4) "extents"
                Expect.isTrue examples.Inputs.IsPersistent "outlives a step"
                Expect.equal examples.Labels [| 3; 0 |] "labels"

                Expect.equal
                    (examples.Inputs.ToArray())
                    [| 0f; 1f; 0.2f; 0f; 1f / 255f; 0f; 0f; 0.4f |]
                    "to single precision")

            property 40 "every pixel comes back from its image, whatever the extents" (fun sizes ->
                let random = sizes.Random
                let extents = [| sizes.Rows; sizes.Inner; sizes.Columns; sizes.Batch |][.. 1 + random.NextBelow 3]
                let pixels = Array.init (Array.fold (*) 1 extents) (fun _ -> byte (random.NextBelow 256))
                let labels = Array.init sizes.Rows (fun _ -> byte (random.NextBelow 3))
                let examples = Examples.FromIdx(IdxArray(extents, pixels), IdxArray([| sizes.Rows |], labels), 3)
                Expect.equal (examples.Count * examples.Features) pixels.Length "extents"

                Expect.equal
                    (examples.Inputs.ToArray() |> Array.map (fun x -> byte (round (255f * x))))
                    pixels
                    "pixels"

                Expect.equal (Array.map byte examples.Labels) labels "labels")

            testCase "the last column of a table is the label, the others are divided by the scale" (fun () ->
                let examples = fromTable 3 4.0 "1,2,0\n-4,0.5,2\n"
                Expect.equal (examples.Count, examples.Features, examples.Classes) (2, 2, 3) "extents"
                Expect.equal (examples.Inputs.ToArray()) [| 0.25f; 0.5f; -1f; 0.125f |] "inputs"
                Expect.equal examples.Labels [| 0; 2 |] "labels")

            testCase "the sets that come with the repository" (fun () ->
                let iris =
                    Examples.FromTable(NumberTable.Read(Path.Combine(folder, "sklearn", "iris.csv.gz"), 1), 3, 1.0)

                Expect.equal (iris.Count, iris.Features) (150, 4) "iris"
                Expect.equal (Array.countBy id iris.Labels) [| 0, 50; 1, 50; 2, 50 |] "species"

                let digits =
                    Examples.FromTable(NumberTable.Read(Path.Combine(folder, "sklearn", "digits.csv.gz"), 0), 10, 16.0)

                Expect.equal (digits.Count, digits.Features) (1797, 64) "digits"
                Expect.equal (Array.max (digits.Inputs.ToArray())) 1f "scaled"

                for set, part, count in
                    [
                        "mnist-10k", "train", 8000
                        "mnist-10k", "t10k", 2000
                        "fashion-mnist-7k", "train", 6000
                        "fashion-mnist-7k", "t10k", 1000
                    ] do
                    let examples = images set part
                    Expect.equal (examples.Count, examples.Features) (count, 784) $"{set} {part}"
                    Expect.equal (Array.sort (Array.distinct examples.Labels)) [| 0..9 |] "every class occurs"
                    let inputs = examples.Inputs.ToArray()
                    Expect.equal (Array.min inputs, Array.max inputs) (0f, 1f) "range"

                let clothes = (images "fashion-mnist-7k" "train").Labels
                Expect.all (Array.countBy id clothes) (fun (_, count) -> count = 600) "as many of each kind")
        ]

let private taking =
    testList
        "taking"
        [
            property 60 "a batch has the rows asked for, in their order, in either precision" (fun sizes ->
                let random = sizes.Random
                let examples = draw random sizes.Rows sizes.Columns 3
                let rows = Array.init sizes.Inner (fun _ -> random.NextBelow sizes.Rows)
                let expected = rows |> Array.collect (fun i -> row i examples.Inputs)
                let struct (single, labels) = examples.Batch<float32>(ReadOnlySpan rows)
                let struct (double, again) = examples.Batch<float>(ReadOnlySpan rows)
                Expect.equal (floats single) expected "single"
                Expect.equal (double.ToArray()) expected "double"
                Expect.equal (single.Shape, double.Shape) (shape [ sizes.Inner; sizes.Columns ], single.Shape) "shape"
                Expect.isTrue (single.IsPersistent && double.IsPersistent) "outlive a step"
                Expect.equal labels (rows |> Array.map (fun i -> examples.Labels[i])) "labels"
                Expect.equal again labels "labels")

            property 40 "a subset is a copy of its rows" (fun sizes ->
                let examples = draw sizes.Random sizes.Rows sizes.Columns 3
                let rows = permutation sizes.Random sizes.Rows
                let part = examples.Take(ReadOnlySpan rows[.. sizes.Rows / 2])
                let struct (inputs, labels) = examples.Batch<float32>(ReadOnlySpan rows[.. sizes.Rows / 2])
                Expect.equal (part.Inputs.ToArray(), part.Labels) (inputs.ToArray(), labels) "rows"
                Expect.equal part.Classes 3 "classes"
                part.Inputs.Span.Clear()
                part.Labels.AsSpan().Fill 2
                Expect.notEqual (row rows[0] examples.Inputs) (row 0 part.Inputs) "the whole is not changed")

            testCase "a batch of the step's memory holds the same, and goes with the step" (fun () ->
                let examples = draw (RandomStream 1UL) 5 3 2
                let rows = [| 4; 0; 4 |]
                let arena = Arena<float32>()
                // A number that is not written would show.
                arena.Rent(1 <<< 10).Span.Fill nanf
                arena.Release()
                let struct (rented, labels) = examples.Batch<float32>(ReadOnlySpan rows, arena)
                let struct (kept, expected) = examples.Batch<float32>(ReadOnlySpan rows)
                Expect.equal (rented.ToArray(), labels) (kept.ToArray(), expected) "numbers and labels"
                Expect.isFalse rented.IsPersistent "rented"
                arena.Release()
                refuses<StaleTensorException, _> [] (fun () -> rented.ToArray())
                Expect.isTrue (Seq.forall Single.IsFinite (kept.ToArray())) "the other stays")

            testCase "no rows give an empty batch" (fun () ->
                let examples = draw (RandomStream 1UL) 3 2 2
                let struct (inputs, labels) = examples.Batch<float> ReadOnlySpan.Empty
                Expect.equal (inputs.Shape, labels) (shape [ 0; 2 ], [||]) "empty"
                Expect.equal (examples.Take ReadOnlySpan.Empty).Count 0 "empty")

            testCase "a row that is not there is refused" (fun () ->
                let examples = draw (RandomStream 1UL) 3 2 2

                for row in [ 3; -1; Int32.MaxValue ] do
                    let fragments = [ $"no row {row} among 3"; "draw rows below 3" ]
                    let rows = [| 0; row |]
                    refuses<ArgumentException, _> fragments (fun () -> examples.Batch<float32>(ReadOnlySpan rows))
                    refuses<ArgumentException, _> fragments (fun () -> examples.Take(ReadOnlySpan rows)))
        ]

let private refusals =
    testList
        "refusals"
        [
            testCase "inputs that are no matrix, or end with a step, are refused" (fun () ->
                let fragments = [ "inputs must be [count, features], got [2, 1, 3]"; "flatten" ]
                refuses<ArgumentException, _> fragments (fun () -> Examples(zeros [ 2; 1; 3 ], [| 0; 0 |], 1))
                let rented = Tensor.RentZeroed(Arena<float32>(), shape [ 1; 2 ])
                refuses<ArgumentException, _> [ "rented"; "ToPersistent" ] (fun () -> Examples(rented, [| 0 |], 1)))

            testCase "labels that are not as many as the inputs, or no class, are refused" (fun () ->
                let make labels classes () = Examples(zeros [ 2; 3 ], labels, classes)
                refuses<ArgumentException, _> [ "2 inputs and 3 labels"; "one label for each" ] (make [| 0; 0; 0 |] 2)

                refuses<ArgumentException, _>
                    [ "label 2 of row 1"; "none of 2 classes"; "correct" ]
                    (make [| 0; 2 |] 2)

                refuses<ArgumentException, _> [ "label -1 of row 0" ] (make [| -1; 0 |] 2)
                refuses<ArgumentException, _> [ "none of 0 classes" ] (make [| 0; 0 |] 0)
                Expect.equal (make [| 1; 0 |] 2 ()).Count 2 "the largest class is allowed")

            testCase "images and labels that do not belong together are refused" (fun () ->
                let array extents = IdxArray(Array.ofList extents, Array.zeroCreate (List.fold (*) 1 extents))
                let make images labels () = Examples.FromIdx(images, labels, 2)

                let swapped =
                    [ "images must be [count, ...] and labels [count]"; "got [2] and [2, 3]"; "images' file first" ]

                refuses<ArgumentException, _> swapped (make (array [ 2 ]) (array [ 2; 3 ]))
                refuses<ArgumentException, _> [ "got [2, 3] and [2, 1]" ] (make (array [ 2; 3 ]) (array [ 2; 1 ]))
                refuses<ArgumentException, _> [ "got [2] and [2]" ] (make (array [ 2 ]) (array [ 2 ]))
                refuses<ArgumentException, _> [ "2 inputs and 3 labels" ] (make (array [ 2; 4 ]) (array [ 3 ]))
                let torn = IdxArray([| 2; 3 |], [| 1uy |])
                let fragments = [ "images: [2, 3] holds 6 values, got 1"; "one value per element" ]
                refuses<ArgumentException, _> fragments (make torn (array [ 2 ]))
                refuses<ArgumentException, _> [ "labels: [2, 3]" ] (make (array [ 2; 3 ]) torn)
                let label = IdxArray([| 2 |], [| 0uy; 9uy |])
                refuses<ArgumentException, _> [ "label 9 of row 1"; "none of 2" ] (make (array [ 2; 3 ]) label))

            testCase "a table's label that is no class is refused, with its row" (fun () ->
                for label in [ "3"; "-1"; "0.5"; "1e300" ] do
                    refuses<ArgumentException, _> [ "of row 1"; "none of 3 classes"; "correct the table" ] (fun () ->
                        fromTable 3 1.0 $"1,2\n1,{label}\n"))

            testCase "a table of labels alone, and a scale that is none, are refused" (fun () ->
                refuses<ArgumentException, _> [ "one column"; "before the label" ] (fun () -> fromTable 3 1.0 "1\n2\n")

                for scale in [ 0.0; -1.0; nan; infinity ] do
                    refuses<ArgumentException, _> [ "scale must be positive and finite"; "pass 1" ] (fun () ->
                        fromTable 3 scale "1,2\n")

                for number, scale in [ "1e39", 1.0; "-1", 1e-60 ] do
                    refuses<ArgumentException, _>
                        [ "row 0, column 1"; "exceeds single precision"; "larger scale" ]
                        (fun () -> fromTable 3 scale $"0,{number},2\n"))
        ]

[<Tests>]
let tests = testList "Data.Examples" [ making; taking; refusals ]
