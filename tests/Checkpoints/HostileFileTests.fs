module Hybrid.Tests.Checkpoints.HostileFileTests

open System
open System.IO
open Expecto
open FsCheck.FSharp
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files
open Hybrid.Tests.Checkpoints.SafeTensorsTests

/// What the call allocates, in bytes.
let allocatedBy (call: unit -> unit) =
    let before = GC.GetAllocatedBytesForCurrentThread()
    call ()
    GC.GetAllocatedBytesForCurrentThread() - before

/// A parser's tables and messages need some memory, but never more than the file could account for.
let private allowed (file: byte[]) = 256_000L + 40L * int64 file.Length

let private expectRefused (file: byte[]) fragments =
    withBytes file (fun path ->
        let allocated =
            allocatedBy (fun () -> refuses<DataFileException, _> (path :: fragments) (fun () -> SafeTensors.Read path))

        Expect.isLessThan allocated (allowed file) "allocated")

let private one fields = $"{{\"x\":{{{fields}}}}}"
let private entry dtype shape offsets = $"\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{offsets}"
let private x dtype shape offsets = one (entry dtype shape offsets)

/// What is wrong, the header, how many bytes follow it, and what the message says.
let private headers =
    [
        "not an object", "[1]", 0, [ "does not start with '{'" ]
        "spaces before the object", " {}", 0, [ "does not start with '{'" ]
        "empty", "", 0, [ "does not start with '{'" ]
        "not JSON", "{\"x\":", 0, [ "not valid JSON" ]
        "two objects", "{}{}", 0, [ "not valid JSON" ]
        "comment", "{/* */}", 0, [ "not valid JSON" ]
        "nested without end", "{\"x\":" + String('[', 5000), 0, [ "not valid JSON" ]
        "half a surrogate pair", "{\"\\ud800\":{}}", 0, [ "not valid JSON" ]
        "half a surrogate pair inside", x "\\udc00" "[1]" "[0,4]", 4, [ "not valid JSON" ]
        "duplicate tensor",
        "{\"x\":{" + entry "F32" "[1]" "[0,4]" + "},\"x\":{" + entry "F32" "[1]" "[4,8]" + "}}",
        8,
        [ "not valid JSON"; "'x'" ]
        "duplicate field", one ("\"dtype\":\"F32\"," + entry "F32" "[1]" "[0,4]"), 4, [ "not valid JSON"; "dtype" ]
        "duplicate text", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, [ "not valid JSON" ]
        "text that is a number", "{\"__metadata__\":{\"a\":1}}", 0, [ "only texts"; "'a'" ]
        "metadata that is a list", "{\"__metadata__\":[]}", 0, [ "__metadata__ is no object" ]
        "tensor that is a number", "{\"x\":1}", 0, [ "tensor 'x'"; "does not say its dtype" ]
        "no dtype", one "\"shape\":[1],\"data_offsets\":[0,4]", 4, [ "'x'"; "does not say its dtype" ]
        "no shape", one "\"dtype\":\"F32\",\"data_offsets\":[0,4]", 4, [ "'x'"; "does not say its dtype, shape" ]
        "no offsets", one "\"dtype\":\"F32\",\"shape\":[1]", 4, [ "'x'"; "data_offsets" ]
        "unknown dtype", x "Q7" "[1]" "[0,4]", 4, [ "'x'"; "type Q7"; "convert them to F32, F64 or I64" ]
        "dtype by number", x "0" "[1]" "[0,4]", 4, [ "type 0" ]
        "two dtypes", x "F32, F64" "[1]" "[0,4]", 4, [ "type F32, F64" ]
        "half precision", x "BF16" "[2]" "[0,4]", 4, [ "type BF16"; "convert" ]
        "negative extent", x "F32" "[-1]" "[0,4]", 4, [ "'x'"; "shape holds -1" ]
        "broken extent", x "F32" "[1.5]" "[0,4]", 4, [ "shape holds 1.5" ]
        "extent in exponents", x "F32" "[1e0]" "[0,4]", 4, [ "shape holds 1e0" ]
        "extent that is a text", x "F32" "[\"1\"]" "[0,4]", 4, [ "shape holds \"1\"" ]
        "extent beyond 64 bits", x "F32" "[18446744073709551617]" "[0,4]", 4, [ "shape holds 18446744073709551617" ]
        "product beyond 64 bits",
        x "F32" "[4294967296,4294967296,4]" "[0,64]",
        64,
        [ "'x'"; "does not fill the 64 bytes" ]
        "product that wraps round to fit",
        x "F32" "[4611686018427387905]" "[0,4]",
        4,
        [ "4611686018427387905"; "does not fill the 4 bytes" ]
        "enormous, but empty", x "F32" "[0,9223372036854775807]" "[0,0]", 0, [ "more than one tensor can hold" ]
        "enormous", x "F32" "[1099511627776]" "[0,4398046511104]", 16, [ "not among the 16" ]
        "too many axes", x "F32" $"""[{String.Join(',', Array.create 33 1)}]""" "[0,4]", 4, [ "33 axes" ]
        "shape too large for its bytes", x "F32" "[2]" "[0,4]", 4, [ "'x'"; "F32 [2]"; "does not fill the 4 bytes" ]
        "shape too small for its bytes", x "F64" "[1]" "[0,16]", 16, [ "does not fill the 16 bytes" ]
        "one offset", x "F32" "[1]" "[4]", 4, [ "two numbers, not 1" ]
        "three offsets", x "F32" "[1]" "[0,4,4]", 4, [ "two numbers, not 3" ]
        "negative offset", x "F32" "[1]" "[-4,0]", 4, [ "data_offsets holds -4" ]
        "offsets in reverse", x "F32" "[1]" "[4,0]", 4, [ "bytes 4 to 0 are not among" ]
        "range beyond the file", x "F32" "[2]" "[0,8]", 4, [ "bytes 0 to 8 are not among the 4" ]
        "gap before", x "F32" "[1]" "[4,8]", 8, [ "'x'"; "bytes 0 to 4 before it belong to no tensor" ]
        "gap after", x "F32" "[1]" "[0,4]", 8, [ "bytes 4 to 8"; "belong to no tensor" ]
        "bytes without a tensor", "{}", 8, [ "bytes 0 to 8" ]
        "overlap",
        "{\"x\":{" + entry "F32" "[2]" "[0,8]" + "},\"y\":{" + entry "F32" "[2]" "[4,12]" + "}}",
        12,
        [ "'y'"; "starts at byte 4, inside another tensor that ends at 8" ]
        "the same bytes twice",
        "{\"x\":{" + entry "F32" "[1]" "[0,4]" + "},\"y\":{" + entry "F32" "[1]" "[0,4]" + "}}",
        4,
        [ "inside another tensor" ]
        "a long name", "{\"" + String('n', 5000) + "\":1}", 0, [ "nnn...'" ]
    ]

let private refusals =
    testList
        "refusals"
        [
            for name, header, bytes, fragments in headers do
                testCase name (fun () -> expectRefused (fileOf header (Array.zeroCreate bytes)) fragments)

            testCase "no file, a folder, no bytes, a few bytes" (fun () ->
                withFolder (fun folder ->
                    let path = Path.Combine(folder, "none")
                    let fragments = [ path; "cannot be read"; "restore the file or correct the path" ]
                    refuses<DataFileException, _> fragments (fun () -> SafeTensors.Read path)
                    refuses<DataFileException, _> [ "cannot be read" ] (fun () -> SafeTensors.Read folder))

                expectRefused [||] [ "0 bytes"; "restore the file" ]
                expectRefused (Array.zeroCreate 7) [ "7 bytes" ])

            testCase "a header longer than the file, or than the format allows" (fun () ->
                for length in [ 3L; 100_000_001L; Int64.MaxValue; Int64.MinValue; -1L ] do
                    expectRefused
                        (Array.append (BitConverter.GetBytes length) [| byte '{'; byte '}' |])
                        [ $"{uint64 length} bytes long"; "only 2 follow" ]

                // A file of holes, so that nothing is written to the disk.
                withPath (fun path ->
                    do
                        use stream = File.Create path
                        stream.Write(ReadOnlySpan(BitConverter.GetBytes 100_000_001L))
                        stream.SetLength 100_000_100L

                    let allocated =
                        allocatedBy (fun () ->
                            refuses<DataFileException, _> [ "exceeds the format's limit of 100000000" ] (fun () ->
                                SafeTensors.Read path))

                    Expect.isLessThan allocated 256_000L "allocated"))

            testCase "text that is not UTF-8" (fun () ->
                let file = fileOf "{\"?\":1}" [||]
                file[10] <- 0xFFuy
                expectRefused file [ "not valid JSON" ])
        ]

let private sampleFile =
    lazy
        (withPath (fun path ->
            SafeTensors.Write(path, sample)
            File.ReadAllBytes path))

/// The tensors of a file of these bytes; None if it is refused, which must cost no more than it could hold.
let private tryRead (file: byte[]) =
    withBytes file (fun path ->
        let mutable result = None

        let allocated =
            allocatedBy (fun () ->
                try
                    result <- Some(contents (SafeTensors.Read path).Tensors)
                with :? DataFileException as error ->
                    Expect.stringContains error.Message path "names the file")

        Expect.isLessThan allocated (allowed file) "allocated"
        result)

let private mutations =
    gen {
        let original = sampleFile.Value
        let! changes = Gen.choose (1, 6)

        let change =
            gen {
                // Half of the changes hit the header's length and its first entries.
                let! place = Gen.oneof [ Gen.choose (0, original.Length - 1); Gen.choose (0, 8); Gen.choose (90, 300) ]

                let! value =
                    Gen.oneof [ Gen.choose (0, 255); Gen.elements (List.map int [ '0'; '9'; '"'; ','; '['; '}' ]) ]

                return place, byte value
            }

        let! list = Gen.listOfLength changes change
        let! cut = Gen.frequency [ 3, Gen.constant 0; 1, Gen.choose (1, original.Length) ]
        let mutated = Array.copy original

        for place, value in list do
            mutated[min place (mutated.Length - 1)] <- value

        return mutated[.. mutated.Length - 1 - cut]
    }

let private damage =
    testList
        "damage"
        [
            testCase "a file cut off anywhere is refused" (fun () ->
                for length in 0 .. sampleFile.Value.Length - 1 do
                    Expect.isNone (tryRead sampleFile.Value[.. length - 1]) $"{length} bytes")

            testCase "a file with bytes added is refused" (fun () ->
                Expect.isNone (tryRead (Array.append sampleFile.Value [| 0uy |])) "one byte")

            testCase "a file with one bit flipped is refused, or holds the same tensors" (fun () ->
                let original = contents sample

                for place in 0 .. sampleFile.Value.Length - 1 do
                    for bit in 0..7 do
                        let flipped = Array.copy sampleFile.Value
                        flipped[place] <- flipped[place] ^^^ (1uy <<< bit)

                        match tryRead flipped with
                        | None -> ()
                        | Some tensors -> Expect.equal tensors original $"bit {bit} of byte {place}")

            testCase "a flipped bit among the numbers is called damage" (fun () ->
                let flipped = Array.copy sampleFile.Value
                let last = flipped.Length - 1
                flipped[last] <- flipped[last] ^^^ 1uy
                expectRefused flipped [ "the checksum"; "is damaged, restore it"; "leave 'sha256' out" ])

            propertyOf mutations 2000 "any other damage is refused in words too, or does no harm" (fun file ->
                tryRead file |> ignore)
        ]

[<Tests>]
let tests = testList "Checkpoints.HostileFile" [ refusals; damage ]
