namespace Hybrid.Scripts

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression

/// Grey pictures as PNG (W3C 2003), the form in which a page carries them: a tenth of their numbers as text.
[<RequireQualifiedAccess>]
module internal Png =
    // Section D of the standard: the remainder by the polynomial that the checksum divides by, for each byte.
    let private remainders =
        let step remainder = if remainder &&& 1u = 1u then 0xEDB88320u ^^^ (remainder >>> 1) else remainder >>> 1

        Array.init 256 (fun byte -> Seq.fold (fun remainder _ -> step remainder) (uint32 byte) [ 1..8 ])

    let private checksum (bytes: byte[]) =
        let next sum (byte: byte) = remainders[int ((sum ^^^ uint32 byte) &&& 0xFFu)] ^^^ (sum >>> 8)
        Array.fold next 0xFFFFFFFFu bytes ^^^ 0xFFFFFFFFu

    let private bigEndian (value: uint32) =
        let bytes = Array.zeroCreate 4
        BinaryPrimitives.WriteUInt32BigEndian(Span bytes, value)
        bytes

    let private chunk (name: string) (content: byte[]) =
        let named = Array.append (Text.Encoding.ASCII.GetBytes name) content
        Array.concat [ bigEndian (uint32 content.Length); named; bigEndian (checksum named) ]

    let private highest = 31.0

    // No level is drawn with it.
    let private transparent = 2uy

    /// A byte for a number from 0, black, to 1, white, in 32 levels; NaN is transparent.
    let private byteOf (value: float) =
        if Double.IsNaN value then
            transparent
        else
            byte (Math.Round(Math.Round(Math.Clamp(value, 0.0, 1.0) * highest) * 255.0 / highest))

    /// The address (data:) of a picture of rows of numbers from 0, black, to 1, white; NaN is transparent.
    let address (rows: float[][]) =
        let height, width = rows.Length, rows[0].Length
        use packed = new MemoryStream()

        do
            use pack = new ZLibStream(packed, CompressionLevel.SmallestSize)

            for row in rows do
                // Each line begins with the number of its filter; 0 is none.
                pack.Write(ReadOnlySpan(Array.append [| 0uy |] (Array.map byteOf row)))

        // Eight bits of grey, without interlacing.
        let header = [| yield! bigEndian (uint32 width); yield! bigEndian (uint32 height); 8uy; 0uy; 0uy; 0uy; 0uy |]

        let file =
            Array.concat
                [
                    [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]
                    chunk "IHDR" header
                    chunk "tRNS" [| 0uy; transparent |]
                    chunk "IDAT" (packed.ToArray())
                    chunk "IEND" [||]
                ]

        "data:image/png;base64," + Convert.ToBase64String file
