module Hybrid.Tests.Memory.ArenaTests

open System
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open Expecto
open Hybrid.Memory
open Hybrid.Models
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
                Expect.equal (arena.RentZeroed(9).Span.ToArray()) (Array.zeroCreate 9) "zeros")

            testCase "blocks of length 0 can be rented, everywhere" (fun () ->
                let arena = Arena<float>()

                for _ in 1..3 do
                    Expect.equal (arena.Rent(0).Span.Length) 0 "empty"
                    arena.Rent(million - 7) |> ignore)

            testCase "a negative length is refused" (fun () ->
                refuses<ArgumentOutOfRangeException, _> [ "length" ] (fun () -> Arena<float>().Rent -1))

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
                        SourceVocabulary = 1_000_000_000,
                        TargetVocabulary = 1_000_000_000,
                        Features = 1_000_000,
                        HiddenFeatures = 1_000_000_000,
                        EncoderLayers = 1_000_000,
                        DecoderLayers = 1_000_000
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
                    refuses<StaleTensorException, _> [ "a step that has ended"; "ToPersistent()" ] (fun () ->
                        block.Span.Length))
        ]
