; ModuleID = 'packet.c'
source_filename = "packet.c"
target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpf"

@_license = dso_local global [4 x i8] c"GPL\00", section "license", align 1, !dbg !0
@llvm.compiler.used = appending global [2 x ptr] [ptr @_license, ptr @parse], section "llvm.metadata"

; Function Attrs: nofree norecurse nosync nounwind memory(read, inaccessiblemem: none)
define dso_local range(i32 1, 3) i32 @parse(ptr nocapture noundef readonly %0) #0 section "xdp" !dbg !31 {
    #dbg_value(ptr %0, !46, !DIExpression(), !120)
  %2 = load i32, ptr %0, align 4, !dbg !121, !tbaa !122
  %3 = zext i32 %2 to i64, !dbg !127
  %4 = inttoptr i64 %3 to ptr, !dbg !128
    #dbg_value(ptr %4, !47, !DIExpression(), !120)
  %5 = getelementptr inbounds i8, ptr %0, i64 4, !dbg !129
  %6 = load i32, ptr %5, align 4, !dbg !129, !tbaa !130
  %7 = zext i32 %6 to i64, !dbg !131
  %8 = inttoptr i64 %7 to ptr, !dbg !132
    #dbg_value(ptr %8, !48, !DIExpression(), !120)
    #dbg_value(ptr %4, !49, !DIExpression(), !120)
  %9 = getelementptr inbounds i8, ptr %4, i64 14, !dbg !133
  %10 = icmp ugt ptr %9, %8, !dbg !135
  br i1 %10, label %55, label %11, !dbg !136

11:                                               ; preds = %1
  %12 = getelementptr inbounds i8, ptr %4, i64 12, !dbg !137
  %13 = load i16, ptr %12, align 1, !dbg !137, !tbaa !139
  %14 = icmp ne i16 %13, 8, !dbg !142
    #dbg_value(ptr %9, !63, !DIExpression(), !120)
  %15 = getelementptr inbounds i8, ptr %4, i64 34
  %16 = icmp ugt ptr %15, %8
  %17 = select i1 %14, i1 true, i1 %16, !dbg !143
  br i1 %17, label %55, label %18, !dbg !143

18:                                               ; preds = %11
  %19 = getelementptr inbounds i8, ptr %4, i64 23, !dbg !144
  %20 = load i8, ptr %19, align 1, !dbg !144, !tbaa !146
  %21 = icmp eq i8 %20, 6, !dbg !148
  br i1 %21, label %22, label %55, !dbg !149

22:                                               ; preds = %18
  %23 = load i8, ptr %9, align 4, !dbg !150
  %24 = shl i8 %23, 2, !dbg !151
  %25 = and i8 %24, 60, !dbg !151
  %26 = zext nneg i8 %25 to i64, !dbg !152
  %27 = getelementptr inbounds i8, ptr %9, i64 %26, !dbg !152
    #dbg_value(ptr %27, !93, !DIExpression(), !120)
  %28 = getelementptr inbounds i8, ptr %27, i64 20, !dbg !153
  %29 = icmp ugt ptr %28, %8, !dbg !155
  br i1 %29, label %55, label %30, !dbg !156

30:                                               ; preds = %22
  %31 = getelementptr inbounds i8, ptr %27, i64 12, !dbg !157
  %32 = load i16, ptr %31, align 4, !dbg !157
  %33 = lshr i16 %32, 2, !dbg !158
  %34 = and i16 %33, 60, !dbg !158
  %35 = zext nneg i16 %34 to i64, !dbg !159
  %36 = getelementptr inbounds i8, ptr %27, i64 %35, !dbg !159
    #dbg_value(ptr %36, !115, !DIExpression(), !120)
    #dbg_value(i32 -2128831035, !117, !DIExpression(), !120)
    #dbg_value(i32 0, !118, !DIExpression(), !160)
  br label %37, !dbg !161

37:                                               ; preds = %30, %43
  %38 = phi i64 [ 0, %30 ], [ %48, %43 ]
  %39 = phi i32 [ -2128831035, %30 ], [ %47, %43 ]
    #dbg_value(i64 %38, !118, !DIExpression(), !160)
    #dbg_value(i32 %39, !117, !DIExpression(), !120)
  %40 = getelementptr inbounds i8, ptr %36, i64 %38, !dbg !162
  %41 = getelementptr inbounds i8, ptr %40, i64 1, !dbg !166
  %42 = icmp ugt ptr %41, %8, !dbg !167
  br i1 %42, label %50, label %43, !dbg !168

43:                                               ; preds = %37
  %44 = load i8, ptr %40, align 1, !dbg !169, !tbaa !170
  %45 = zext i8 %44 to i32, !dbg !169
  %46 = xor i32 %39, %45, !dbg !171
  %47 = mul i32 %46, 16777619, !dbg !172
    #dbg_value(i32 %47, !117, !DIExpression(), !120)
  %48 = add nuw nsw i64 %38, 1, !dbg !173
    #dbg_value(i64 %48, !118, !DIExpression(), !160)
  %49 = icmp eq i64 %48, 32, !dbg !174
  br i1 %49, label %50, label %37, !dbg !161, !llvm.loop !175

50:                                               ; preds = %37, %43
  %51 = phi i32 [ %39, %37 ], [ %47, %43 ], !dbg !120
  %52 = and i32 %51, 1, !dbg !178
  %53 = icmp eq i32 %52, 0, !dbg !179
  %54 = select i1 %53, i32 2, i32 1, !dbg !179
  br label %55

55:                                               ; preds = %18, %22, %50, %11, %1
  %56 = phi i32 [ 2, %1 ], [ 2, %11 ], [ 2, %18 ], [ %54, %50 ], [ 1, %22 ], !dbg !120
  ret i32 %56, !dbg !180
}

attributes #0 = { nofree norecurse nosync nounwind memory(read, inaccessiblemem: none) "frame-pointer"="all" "no-trapping-math"="true" "stack-protector-buffer-size"="8" }

!llvm.dbg.cu = !{!2}
!llvm.module.flags = !{!25, !26, !27, !28, !29}
!llvm.ident = !{!30}

!0 = !DIGlobalVariableExpression(var: !1, expr: !DIExpression())
!1 = distinct !DIGlobalVariable(name: "_license", scope: !2, file: !3, line: 28, type: !21, isLocal: false, isDefinition: true)
!2 = distinct !DICompileUnit(language: DW_LANG_C11, file: !3, producer: "Debian clang version 19.1.7 (3~deb12u1)", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, enums: !4, retainedTypes: !14, globals: !20, splitDebugInlining: false, nameTableKind: None)
!3 = !DIFile(filename: "packet.c", directory: "src/object/testdata", checksumkind: CSK_MD5, checksum: "deef7c078d447fd0f65822997c9c5f8d")
!4 = !{!5}
!5 = !DICompositeType(tag: DW_TAG_enumeration_type, name: "xdp_action", file: !6, line: 6089, baseType: !7, size: 32, elements: !8)
!6 = !DIFile(filename: "/usr/include/linux/bpf.h", directory: "", checksumkind: CSK_MD5, checksum: "8ab7bf195d20e2851bf1a9e5b71245ca")
!7 = !DIBasicType(name: "unsigned int", size: 32, encoding: DW_ATE_unsigned)
!8 = !{!9, !10, !11, !12, !13}
!9 = !DIEnumerator(name: "XDP_ABORTED", value: 0)
!10 = !DIEnumerator(name: "XDP_DROP", value: 1)
!11 = !DIEnumerator(name: "XDP_PASS", value: 2)
!12 = !DIEnumerator(name: "XDP_TX", value: 3)
!13 = !DIEnumerator(name: "XDP_REDIRECT", value: 4)
!14 = !{!15, !16, !17}
!15 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)
!16 = !DIBasicType(name: "long", size: 64, encoding: DW_ATE_signed)
!17 = !DIDerivedType(tag: DW_TAG_typedef, name: "__u16", file: !18, line: 24, baseType: !19)
!18 = !DIFile(filename: "/usr/include/asm-generic/int-ll64.h", directory: "", checksumkind: CSK_MD5, checksum: "b810f270733e106319b67ef512c6246e")
!19 = !DIBasicType(name: "unsigned short", size: 16, encoding: DW_ATE_unsigned)
!20 = !{!0}
!21 = !DICompositeType(tag: DW_TAG_array_type, baseType: !22, size: 32, elements: !23)
!22 = !DIBasicType(name: "char", size: 8, encoding: DW_ATE_signed_char)
!23 = !{!24}
!24 = !DISubrange(count: 4)
!25 = !{i32 7, !"Dwarf Version", i32 5}
!26 = !{i32 2, !"Debug Info Version", i32 3}
!27 = !{i32 1, !"wchar_size", i32 4}
!28 = !{i32 7, !"frame-pointer", i32 2}
!29 = !{i32 7, !"debug-info-assignment-tracking", i1 true}
!30 = !{!"Debian clang version 19.1.7 (3~deb12u1)"}
!31 = distinct !DISubprogram(name: "parse", scope: !3, file: !3, line: 10, type: !32, scopeLine: 10, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !45)
!32 = !DISubroutineType(types: !33)
!33 = !{!34, !35}
!34 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!35 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !36, size: 64)
!36 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "xdp_md", file: !6, line: 6100, size: 192, elements: !37)
!37 = !{!38, !40, !41, !42, !43, !44}
!38 = !DIDerivedType(tag: DW_TAG_member, name: "data", scope: !36, file: !6, line: 6101, baseType: !39, size: 32)
!39 = !DIDerivedType(tag: DW_TAG_typedef, name: "__u32", file: !18, line: 27, baseType: !7)
!40 = !DIDerivedType(tag: DW_TAG_member, name: "data_end", scope: !36, file: !6, line: 6102, baseType: !39, size: 32, offset: 32)
!41 = !DIDerivedType(tag: DW_TAG_member, name: "data_meta", scope: !36, file: !6, line: 6103, baseType: !39, size: 32, offset: 64)
!42 = !DIDerivedType(tag: DW_TAG_member, name: "ingress_ifindex", scope: !36, file: !6, line: 6105, baseType: !39, size: 32, offset: 96)
!43 = !DIDerivedType(tag: DW_TAG_member, name: "rx_queue_index", scope: !36, file: !6, line: 6106, baseType: !39, size: 32, offset: 128)
!44 = !DIDerivedType(tag: DW_TAG_member, name: "egress_ifindex", scope: !36, file: !6, line: 6108, baseType: !39, size: 32, offset: 160)
!45 = !{!46, !47, !48, !49, !63, !93, !115, !117, !118}
!46 = !DILocalVariable(name: "ctx", arg: 1, scope: !31, file: !3, line: 10, type: !35)
!47 = !DILocalVariable(name: "data", scope: !31, file: !3, line: 11, type: !15)
!48 = !DILocalVariable(name: "end", scope: !31, file: !3, line: 11, type: !15)
!49 = !DILocalVariable(name: "eth", scope: !31, file: !3, line: 12, type: !50)
!50 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !51, size: 64)
!51 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "ethhdr", file: !52, line: 173, size: 112, elements: !53)
!52 = !DIFile(filename: "/usr/include/linux/if_ether.h", directory: "", checksumkind: CSK_MD5, checksum: "163f54fb1af2e21fea410f14eb18fa76")
!53 = !{!54, !59, !60}
!54 = !DIDerivedType(tag: DW_TAG_member, name: "h_dest", scope: !51, file: !52, line: 174, baseType: !55, size: 48)
!55 = !DICompositeType(tag: DW_TAG_array_type, baseType: !56, size: 48, elements: !57)
!56 = !DIBasicType(name: "unsigned char", size: 8, encoding: DW_ATE_unsigned_char)
!57 = !{!58}
!58 = !DISubrange(count: 6)
!59 = !DIDerivedType(tag: DW_TAG_member, name: "h_source", scope: !51, file: !52, line: 175, baseType: !55, size: 48, offset: 48)
!60 = !DIDerivedType(tag: DW_TAG_member, name: "h_proto", scope: !51, file: !52, line: 176, baseType: !61, size: 16, offset: 96)
!61 = !DIDerivedType(tag: DW_TAG_typedef, name: "__be16", file: !62, line: 28, baseType: !17)
!62 = !DIFile(filename: "/usr/include/linux/types.h", directory: "", checksumkind: CSK_MD5, checksum: "a82ae197a4533c0fa7d08f3ccc99ef94")
!63 = !DILocalVariable(name: "ip", scope: !31, file: !3, line: 15, type: !64)
!64 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !65, size: 64)
!65 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "iphdr", file: !66, line: 87, size: 160, elements: !67)
!66 = !DIFile(filename: "/usr/include/linux/ip.h", directory: "", checksumkind: CSK_MD5, checksum: "149778ace30a1ff208adc8783fd04b29")
!67 = !{!68, !70, !71, !72, !73, !74, !75, !76, !77, !79}
!68 = !DIDerivedType(tag: DW_TAG_member, name: "ihl", scope: !65, file: !66, line: 89, baseType: !69, size: 4, flags: DIFlagBitField, extraData: i64 0)
!69 = !DIDerivedType(tag: DW_TAG_typedef, name: "__u8", file: !18, line: 21, baseType: !56)
!70 = !DIDerivedType(tag: DW_TAG_member, name: "version", scope: !65, file: !66, line: 90, baseType: !69, size: 4, offset: 4, flags: DIFlagBitField, extraData: i64 0)
!71 = !DIDerivedType(tag: DW_TAG_member, name: "tos", scope: !65, file: !66, line: 97, baseType: !69, size: 8, offset: 8)
!72 = !DIDerivedType(tag: DW_TAG_member, name: "tot_len", scope: !65, file: !66, line: 98, baseType: !61, size: 16, offset: 16)
!73 = !DIDerivedType(tag: DW_TAG_member, name: "id", scope: !65, file: !66, line: 99, baseType: !61, size: 16, offset: 32)
!74 = !DIDerivedType(tag: DW_TAG_member, name: "frag_off", scope: !65, file: !66, line: 100, baseType: !61, size: 16, offset: 48)
!75 = !DIDerivedType(tag: DW_TAG_member, name: "ttl", scope: !65, file: !66, line: 101, baseType: !69, size: 8, offset: 64)
!76 = !DIDerivedType(tag: DW_TAG_member, name: "protocol", scope: !65, file: !66, line: 102, baseType: !69, size: 8, offset: 72)
!77 = !DIDerivedType(tag: DW_TAG_member, name: "check", scope: !65, file: !66, line: 103, baseType: !78, size: 16, offset: 80)
!78 = !DIDerivedType(tag: DW_TAG_typedef, name: "__sum16", file: !62, line: 34, baseType: !17)
!79 = !DIDerivedType(tag: DW_TAG_member, scope: !65, file: !66, line: 104, baseType: !80, size: 64, offset: 96)
!80 = distinct !DICompositeType(tag: DW_TAG_union_type, scope: !65, file: !66, line: 104, size: 64, elements: !81)
!81 = !{!82, !88}
!82 = !DIDerivedType(tag: DW_TAG_member, scope: !80, file: !66, line: 104, baseType: !83, size: 64)
!83 = distinct !DICompositeType(tag: DW_TAG_structure_type, scope: !80, file: !66, line: 104, size: 64, elements: !84)
!84 = !{!85, !87}
!85 = !DIDerivedType(tag: DW_TAG_member, name: "saddr", scope: !83, file: !66, line: 104, baseType: !86, size: 32)
!86 = !DIDerivedType(tag: DW_TAG_typedef, name: "__be32", file: !62, line: 30, baseType: !39)
!87 = !DIDerivedType(tag: DW_TAG_member, name: "daddr", scope: !83, file: !66, line: 104, baseType: !86, size: 32, offset: 32)
!88 = !DIDerivedType(tag: DW_TAG_member, name: "addrs", scope: !80, file: !66, line: 104, baseType: !89, size: 64)
!89 = distinct !DICompositeType(tag: DW_TAG_structure_type, scope: !80, file: !66, line: 104, size: 64, elements: !90)
!90 = !{!91, !92}
!91 = !DIDerivedType(tag: DW_TAG_member, name: "saddr", scope: !89, file: !66, line: 104, baseType: !86, size: 32)
!92 = !DIDerivedType(tag: DW_TAG_member, name: "daddr", scope: !89, file: !66, line: 104, baseType: !86, size: 32, offset: 32)
!93 = !DILocalVariable(name: "tcp", scope: !31, file: !3, line: 17, type: !94)
!94 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !95, size: 64)
!95 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "tcphdr", file: !96, line: 25, size: 160, elements: !97)
!96 = !DIFile(filename: "/usr/include/linux/tcp.h", directory: "", checksumkind: CSK_MD5, checksum: "8d74bf2133e7b3dab885994b9916aa13")
!97 = !{!98, !99, !100, !101, !102, !103, !104, !105, !106, !107, !108, !109, !110, !111, !112, !113, !114}
!98 = !DIDerivedType(tag: DW_TAG_member, name: "source", scope: !95, file: !96, line: 26, baseType: !61, size: 16)
!99 = !DIDerivedType(tag: DW_TAG_member, name: "dest", scope: !95, file: !96, line: 27, baseType: !61, size: 16, offset: 16)
!100 = !DIDerivedType(tag: DW_TAG_member, name: "seq", scope: !95, file: !96, line: 28, baseType: !86, size: 32, offset: 32)
!101 = !DIDerivedType(tag: DW_TAG_member, name: "ack_seq", scope: !95, file: !96, line: 29, baseType: !86, size: 32, offset: 64)
!102 = !DIDerivedType(tag: DW_TAG_member, name: "res1", scope: !95, file: !96, line: 31, baseType: !17, size: 4, offset: 96, flags: DIFlagBitField, extraData: i64 96)
!103 = !DIDerivedType(tag: DW_TAG_member, name: "doff", scope: !95, file: !96, line: 32, baseType: !17, size: 4, offset: 100, flags: DIFlagBitField, extraData: i64 96)
!104 = !DIDerivedType(tag: DW_TAG_member, name: "fin", scope: !95, file: !96, line: 33, baseType: !17, size: 1, offset: 104, flags: DIFlagBitField, extraData: i64 96)
!105 = !DIDerivedType(tag: DW_TAG_member, name: "syn", scope: !95, file: !96, line: 34, baseType: !17, size: 1, offset: 105, flags: DIFlagBitField, extraData: i64 96)
!106 = !DIDerivedType(tag: DW_TAG_member, name: "rst", scope: !95, file: !96, line: 35, baseType: !17, size: 1, offset: 106, flags: DIFlagBitField, extraData: i64 96)
!107 = !DIDerivedType(tag: DW_TAG_member, name: "psh", scope: !95, file: !96, line: 36, baseType: !17, size: 1, offset: 107, flags: DIFlagBitField, extraData: i64 96)
!108 = !DIDerivedType(tag: DW_TAG_member, name: "ack", scope: !95, file: !96, line: 37, baseType: !17, size: 1, offset: 108, flags: DIFlagBitField, extraData: i64 96)
!109 = !DIDerivedType(tag: DW_TAG_member, name: "urg", scope: !95, file: !96, line: 38, baseType: !17, size: 1, offset: 109, flags: DIFlagBitField, extraData: i64 96)
!110 = !DIDerivedType(tag: DW_TAG_member, name: "ece", scope: !95, file: !96, line: 39, baseType: !17, size: 1, offset: 110, flags: DIFlagBitField, extraData: i64 96)
!111 = !DIDerivedType(tag: DW_TAG_member, name: "cwr", scope: !95, file: !96, line: 40, baseType: !17, size: 1, offset: 111, flags: DIFlagBitField, extraData: i64 96)
!112 = !DIDerivedType(tag: DW_TAG_member, name: "window", scope: !95, file: !96, line: 55, baseType: !61, size: 16, offset: 112)
!113 = !DIDerivedType(tag: DW_TAG_member, name: "check", scope: !95, file: !96, line: 56, baseType: !78, size: 16, offset: 128)
!114 = !DIDerivedType(tag: DW_TAG_member, name: "urg_ptr", scope: !95, file: !96, line: 57, baseType: !61, size: 16, offset: 144)
!115 = !DILocalVariable(name: "payload", scope: !31, file: !3, line: 19, type: !116)
!116 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !56, size: 64)
!117 = !DILocalVariable(name: "hash", scope: !31, file: !3, line: 20, type: !7)
!118 = !DILocalVariable(name: "i", scope: !119, file: !3, line: 21, type: !34)
!119 = distinct !DILexicalBlock(scope: !31, file: !3, line: 21, column: 3)
!120 = !DILocation(line: 0, scope: !31)
!121 = !DILocation(line: 11, column: 35, scope: !31)
!122 = !{!123, !124, i64 0}
!123 = !{!"xdp_md", !124, i64 0, !124, i64 4, !124, i64 8, !124, i64 12, !124, i64 16, !124, i64 20}
!124 = !{!"int", !125, i64 0}
!125 = !{!"omnipotent char", !126, i64 0}
!126 = !{!"Simple C/C++ TBAA"}
!127 = !DILocation(line: 11, column: 24, scope: !31)
!128 = !DILocation(line: 11, column: 16, scope: !31)
!129 = !DILocation(line: 11, column: 67, scope: !31)
!130 = !{!123, !124, i64 4}
!131 = !DILocation(line: 11, column: 56, scope: !31)
!132 = !DILocation(line: 11, column: 48, scope: !31)
!133 = !DILocation(line: 13, column: 20, scope: !134)
!134 = distinct !DILexicalBlock(scope: !31, file: !3, line: 13, column: 7)
!135 = !DILocation(line: 13, column: 25, scope: !134)
!136 = !DILocation(line: 13, column: 7, scope: !31)
!137 = !DILocation(line: 14, column: 12, scope: !138)
!138 = distinct !DILexicalBlock(scope: !31, file: !3, line: 14, column: 7)
!139 = !{!140, !141, i64 12}
!140 = !{!"ethhdr", !125, i64 0, !125, i64 6, !141, i64 12}
!141 = !{!"short", !125, i64 0}
!142 = !DILocation(line: 14, column: 20, scope: !138)
!143 = !DILocation(line: 14, column: 7, scope: !31)
!144 = !DILocation(line: 16, column: 37, scope: !145)
!145 = distinct !DILexicalBlock(scope: !31, file: !3, line: 16, column: 7)
!146 = !{!147, !125, i64 9}
!147 = !{!"iphdr", !125, i64 0, !125, i64 0, !125, i64 1, !141, i64 2, !141, i64 4, !141, i64 6, !125, i64 8, !125, i64 9, !141, i64 10, !125, i64 12}
!148 = !DILocation(line: 16, column: 46, scope: !145)
!149 = !DILocation(line: 16, column: 7, scope: !31)
!150 = !DILocation(line: 17, column: 41, scope: !31)
!151 = !DILocation(line: 17, column: 45, scope: !31)
!152 = !DILocation(line: 17, column: 35, scope: !31)
!153 = !DILocation(line: 18, column: 20, scope: !154)
!154 = distinct !DILexicalBlock(scope: !31, file: !3, line: 18, column: 7)
!155 = !DILocation(line: 18, column: 25, scope: !154)
!156 = !DILocation(line: 18, column: 7, scope: !31)
!157 = !DILocation(line: 19, column: 47, scope: !31)
!158 = !DILocation(line: 19, column: 52, scope: !31)
!159 = !DILocation(line: 19, column: 40, scope: !31)
!160 = !DILocation(line: 0, scope: !119)
!161 = !DILocation(line: 21, column: 3, scope: !119)
!162 = !DILocation(line: 22, column: 26, scope: !163)
!163 = distinct !DILexicalBlock(scope: !164, file: !3, line: 22, column: 9)
!164 = distinct !DILexicalBlock(scope: !165, file: !3, line: 21, column: 32)
!165 = distinct !DILexicalBlock(scope: !119, file: !3, line: 21, column: 3)
!166 = !DILocation(line: 22, column: 30, scope: !163)
!167 = !DILocation(line: 22, column: 35, scope: !163)
!168 = !DILocation(line: 22, column: 9, scope: !164)
!169 = !DILocation(line: 23, column: 20, scope: !164)
!170 = !{!125, !125, i64 0}
!171 = !DILocation(line: 23, column: 18, scope: !164)
!172 = !DILocation(line: 23, column: 32, scope: !164)
!173 = !DILocation(line: 21, column: 28, scope: !165)
!174 = !DILocation(line: 21, column: 21, scope: !165)
!175 = distinct !{!175, !161, !176, !177}
!176 = !DILocation(line: 24, column: 3, scope: !119)
!177 = !{!"llvm.loop.mustprogress"}
!178 = !DILocation(line: 25, column: 15, scope: !31)
!179 = !DILocation(line: 25, column: 10, scope: !31)
!180 = !DILocation(line: 26, column: 1, scope: !31)
