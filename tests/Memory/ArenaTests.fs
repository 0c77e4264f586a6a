module Hybrid.Tests.Memory.ArenaTests

open System
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

#nowarn "9" // The address of a span is what the alignment tests look at.

/// The address of the first number, modulo one cache line. The memory is pinned, so the address stays.
let private misalignment (span: Span<'T>) =
    let address =
        unativeint (
            Unsafe.AsPointer(&MemoryMarshal.GetReference span)
            |> NativeInterop.NativePtr.ofVoidPtr<byte>
            |> NativeInterop.NativePtr.toNativeInt
        )

    int (address % 64un)

let private expectAligned (lengths: int list) =
    let double, single = Arena<float>(), Arena<float32>()

    for length in lengths do
        Expect.equal (misalignment (double.Rent(length).Span)) 0 "double"
        Expect.equal (misalignment (single.Rent(length).Span)) 0 "float"
        Expect.equal (misalignment (Block<float>.Persistent(length).Span)) 0 "persistent double"
        Expect.equal (misalignment (Block<float32>.Persistent(length).Span)) 0 "persistent float"

let private million = 1 <<< 20

[<Tests>]
let tests =
    testList
        "Memory.Arena"
        [
            property 20 "every block starts on a 64-byte boundary, whatever was rented before" (fun sizes ->
                expectAligned [ sizes.Rows; sizes.Columns; 17 * sizes.Inner; 1 ])

            testCase "a block longer than a slab is aligned too" (fun () -> expectAligned [ 5; million + 3; 7 ])

            property 20 "blocks of one step do not overlap" (fun sizes ->
                let arena = Arena<float>()
                let blocks = [ for i in 1..20 -> arena.Rent(1 + sizes.Random.NextBelow 40 * i) ]
                blocks |> List.iteri (fun i block -> block.Span.Fill(float i))

                blocks
                |> List.iteri (fun i block -> Expect.all (block.Span.ToArray()) ((=) (float i)) "written once"))

            testCase "a backward pass uses the memory of gradients again as soon as their pullbacks have run" (fun () ->
                let rented (keeps: bool) depth =
                    let tape = Tape<float32>(KeepsGradients = keeps)
                    let x = tape.Input(toSingle (tensor [ 16 ] (List.replicate 16 1.0)))
                    let y = Seq.fold (fun (h: Variable<float32>) _ -> h.Scale 1.5) x [ 1..depth ]
                    let forward = tape.Arena.Used
                    tape.Backward(y, y.Value.ToPersistent())
                    tape.Arena.Used - forward

                Expect.equal (rented false 100) (rented false 2) "whatever the depth"
                Expect.equal (rented true 100) (100L * 16L) "one a rule if they are kept")

            testCase "the memory of a step is used again by the next" (fun () ->
                let arena = Arena<float32>()

                let step () =
                    [ 100; million; 3; 2 * million; 1 ] |> List.iter (arena.Rent >> ignore)
                    arena.Release()

                step ()
                let capacity = arena.Capacity

                for _ in 1..50 do
                    step ()

                Expect.equal arena.Capacity capacity "capacity"
                Expect.equal arena.Epoch 51 "epoch")

            testCase "the first block of a step is the first block of the step before" (fun () ->
                let arena = Arena<float>()
                arena.Rent(3).Span.Fill 7.0
                arena.Release()
                Expect.equal (arena.Rent(3).Span.ToArray()) [| 7.0; 7.0; 7.0 |] "same memory")

            testCase "RentZeroed gives zeros in memory that was written before" (fun () ->
                let arena = Arena<float>()
                arena.Rent(9).Span.Fill nan
                arena.Release()
                Expect.equal (Tensor.RentZeroed(arena, Shape 9).ToArray()) (Array.zeroCreate 9) "zeros")

            testCase "blocks of length 0 can be rented, everywhere" (fun () ->
                let arena = Arena<float>()

                for _ in 1..3 do
                    Expect.equal (arena.Rent(0).Span.Length) 0 "empty"
                    arena.Rent(million - 7) |> ignore)

            testCase "a negative length is refused" (fun () ->
                refusesRange [ "length" ] (fun () -> Arena<float>().Rent -1))

            testCase "number types other than float and double are refused" (fun () ->
                refuses<NotSupportedException, _> [ "Half"; "use float (to train) or double (to check)" ] (fun () ->
                    Arena<Half>().Rent 1)

                refuses<NotSupportedException, _> [ "NFloat" ] (fun () -> Tensor<NFloat>.Zeros(Shape 1)))

            testCase "what cannot fit is refused before it is allocated, with both sizes and the remedy" (fun () ->
                let remedy = "make the batch or the model smaller"
                let before = GC.GetAllocatedBytesForCurrentThread()

                for length in [ Array.MaxLength; Int32.MaxValue ] do
                    refuses<InsufficientMemoryException, _> [ remedy ] (fun () -> Arena<float>().Rent length)
                    refuses<InsufficientMemoryException, _> [ remedy ] (fun () -> Block<float>.Persistent length)

                let fits = float MemoryLimit.Bytes
                MemoryLimit.ThrowIfExceeded(fits, "all there is")

                refuses<InsufficientMemoryException, _> [ "a dream needs"; "GiB"; remedy ] (fun () ->
                    MemoryLimit.ThrowIfExceeded(1.01 * fits, "a dream"))

                let settings =
                    TransformerSettings(
                        SourceVocabulary = 100_000,
                        TargetVocabulary = 100_000,
                        Features = 16_384,
                        HiddenFeatures = 65_536,
                        EncoderLayers = 5_000,
                        DecoderLayers = 5_000
                    )

                refuses<InsufficientMemoryException, _> [ "parameters"; "GiB"; remedy ] (fun () ->
                    Transformer<single>(settings, RandomStream 1UL))

                let allocated = GC.GetAllocatedBytesForCurrentThread() - before
                Expect.isLessThan allocated 1_000_000L "allocated")

            testCase "a block knows whether it outlives the step" (fun () ->
                Expect.isTrue (Block<float>.Persistent(1).IsPersistent) "persistent"
                Expect.isFalse (Arena<float>().Rent(1).IsPersistent) "rented")

            testCase "a block of an ended step is refused, even an empty one" (fun () ->
                let arena = Arena<float>()
                let blocks = [ arena.Rent 2; arena.Rent 0 ]
                arena.Release()
                arena.Rent 2 |> ignore

                for block in blocks do
                    refuses<StaleTensorException, _> [ "belongs to a step"; "has ended"; "ToPersistent()" ] (fun () ->
                        block.Span.Length))

            property
                40
                "of all that a scope rented, what is kept keeps its numbers, in whatever order it is named"
                (fun sizes ->
                    let tape = Tape<float>()
                    use _ = tape.Inference()
                    let random = sizes.Random
                    // Longer than the first slabs together, so that blocks lie in several.
                    let lengths = [ for _ in 0..11 -> random.NextBelow(if random.NextBelow 4 = 0 then 40_000 else 50) ]

                    let filled =
                        Array.mapi
                            (fun i -> Array.map (fun x -> x + float i))
                            [| for n in lengths -> Array.init n float |]

                    let rent () =
                        [| for values in filled -> (tape.Constant(tensor [ values.Length ] values)).Scale 1.0 |]

                    use here = tape.At "scope"
                    let rented = rent ()
                    let chosen = permutation random 12 |> Array.take (random.NextBelow 13)
                    let kept = here.Keep(chosen |> Array.map (fun i -> rented[i]))
                    // Whatever comes next must not be written onto what was kept.
                    let later = rent ()

                    for i, variable in Array.zip chosen kept do
                        Expect.equal (floats variable.Value) filled[i] $"kept, {i}"

                    for values, variable in Array.zip filled later do
                        Expect.equal (floats variable.Value) values "later"

                    for variable in rented do
                        refuses<StaleTensorException, _> [] (fun () -> variable.Value.Span.Length))

            property 40 "the same while the scope goes on, again and again" (fun sizes ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let random = sizes.Random
                use here = tape.At "scope"
                let mutable held: (Variable<float> * float[])[] = [||]

                for round in 1..6 do
                    let rented =
                        [|
                            for i in 1..5 do
                                let values = Array.init (random.NextBelow 3000) (fun j -> float (round * i + j))
                                (tape.Constant(tensor [ values.Length ] values)).Scale 1.0, values
                        |]

                    let all = Array.append held rented
                    random.Shuffle(Span all)
                    let needed = Array.truncate (random.NextBelow 6) all
                    held <- Array.zip (here.Only(Array.map fst needed)) (Array.map snd needed)

                    for variable, values in held do
                        Expect.equal (floats variable.Value) values $"round {round}")

            testCase "two kept tensors that share a block go on sharing it" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                use here = tape.At "scope"
                (tape.Constant(zeros [ 100 ])).Scale 1.0 |> ignore
                let x = (tape.Constant(tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.0 ])).Scale 1.0
                let flat = x.Reshape 4
                let kept = here.Keep(flat, x)
                Expect.equal [ for variable in kept -> variable.Shape ] [ shape [ 4 ]; shape [ 2; 2 ] ] "shapes"
                Expect.equal (floats kept[0].Value) (floats kept[1].Value) "numbers"
                kept[0].Value[ 3 ] <- 7.0
                Expect.equal kept[1].Value[1, 1] 7.0 "one memory")

            testCase "an empty tensor and the one behind it begin at the same place, and both are kept" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                use here = tape.At "scope"
                let empty = (tape.Constant(zeros [ 0 ])).Scale 1.0
                let x = (tape.Constant(tensor [ 2 ] [ 1.0; 2.0 ])).Scale 1.0
                let kept = here.Keep(empty, x)
                Expect.equal (floats kept[0].Value, floats kept[1].Value) ([||], [| 1.0; 2.0 |]) "kept")

            testCase "of a scope within a scope, the outer keeps what the inner kept" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let x = tape.Constant(tensor [ 2 ] [ 1.0; 2.0 ])

                let inner, outer =
                    use outer = tape.At "outer"
                    x.Scale 9.0 |> ignore

                    let inner =
                        use inner = tape.At "inner"
                        inner.Keep(x.Scale(8.0).Scale 0.5)

                    Expect.equal (floats inner.Value) [| 4.0; 8.0 |] "of the inner"
                    inner, outer.Keep inner

                Expect.equal (floats outer.Value) [| 4.0; 8.0 |] "of the outer"
                refuses<StaleTensorException, _> [] (fun () -> inner.Value.ToArray()))

            testCase "steps that have ended leave nothing behind" (fun () ->
                let arena = Arena<float>()

                let steps count =
                    for _ in 1..count do
                        arena.Rent 1 |> ignore
                        arena.Release()

                steps 1000
                let before = GC.GetTotalMemory true
                // Five bytes a step, so that even a reference each would show; other tests run beside this one.
                steps 2_000_000
                Expect.isLessThan (GC.GetTotalMemory true - before) 10_000_000L "bytes")

            testCase "a scope that is closed after Clear leaves the next step alone" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let x = tensor [ 2 ] [ 1.0; 2.0 ]
                let kept = tape.At "kept"
                let closed = tape.At "closed"
                let old = (tape.Constant x).Scale 1.0
                tape.Clear()
                let y = (tape.Constant x).Scale 5.0
                refuses<StaleTensorException, _> [] (fun () -> (closed.Only old).Value.ToArray())
                (closed :> IDisposable).Dispose()
                refuses<StaleTensorException, _> [] (fun () -> (kept.Keep old).Value.ToArray())
                (kept :> IDisposable).Dispose()
                let z = (tape.Constant x).Scale 7.0
                Expect.equal (floats y.Value, floats z.Value) ([| 5.0; 10.0 |], [| 7.0; 14.0 |]) "the next step"
                Expect.equal tape.Place "" "the place is restored")
        ]
