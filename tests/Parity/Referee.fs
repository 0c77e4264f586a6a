/// Where two libraries disagree in single precision, the other library's own double precision decides which of them is off.
module Hybrid.Referee

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open System.Runtime.Intrinsics.X86
open System.Text

/// How far single precision is off double precision, ours and theirs; NaN is off everything.
type Errors = { Ours: float; Theirs: float }

type Verdict =
    | Agree
    /// Ours is right and theirs is not.
    | TheyAreWrong of Errors
    /// Ours is off too; or neither is off by more than the bound, on different sides, and nobody is to blame. Either fails.
    | Differ of Errors

/// Double precision is asked only where the two lie further apart than the bound.
let judge bound (apart: float) (askDouble: unit -> Errors) =
    if apart <= bound then
        Agree
    else
        let errors = askDouble ()

        if errors.Ours <= bound && not (errors.Theirs <= bound) then
            TheyAreWrong errors
        else
            Differ errors

/// What an error can depend on: libraries choose their code by it.
let processor =
    if X86Base.IsSupported then
        let bytes (register: int) =
            let bytes = Array.zeroCreate<byte> 4
            BinaryPrimitives.WriteInt32LittleEndian(bytes, register)
            bytes

        let struct (_, first, third, second) = X86Base.CpuId(0, 0)
        let vendor = Encoding.ASCII.GetString(Array.concat [ bytes first; bytes second; bytes third ])
        let struct (signature, _, _, _) = X86Base.CpuId(1, 0)
        let field low width = (signature >>> low) &&& ((1 <<< width) - 1)
        // The extensions count only where the first field is full; Intel's family 6 extends its models too.
        let family = if field 8 4 = 15 then 15 + field 20 8 else field 8 4
        let model = field 4 4 + (if family = 6 || family >= 15 then field 16 4 <<< 4 else 0)
        $"{vendor} family {family}, model {model}, stepping {field 0 4}"
    else
        string RuntimeInformation.ProcessArchitecture

/// A result in which the other library is wrong.
type Wrong =
    {
        Name: string
        Settings: string
        /// Of values, of gradients, or of both.
        Of: string
        Theirs: float
        Ours: float
        Processor: string
    }

    override wrong.ToString() =
        $"libtorch is wrong here: {wrong.Of} of {wrong.Name} off its own double by {wrong.Theirs:G2}, ours by {wrong.Ours:G2}; "
        + $"{wrong.Settings}; {wrong.Processor}"
